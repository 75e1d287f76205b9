// Puts Swagger UI beside the built pages: a shop has no internet, and a container has no node_modules.
import { cp, mkdir } from "node:fs/promises";

await mkdir("dist/swagger-ui", { recursive: true });
for (const file of ["swagger-ui-bundle.js", "swagger-ui.css", "LICENSE"]) {
  await cp(`node_modules/swagger-ui-dist/${file}`, `dist/swagger-ui/${file}`);
}
