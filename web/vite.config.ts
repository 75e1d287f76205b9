import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const server = "http://127.0.0.1:5000";

export default defineConfig({
  base: "/kiosk/",
  plugins: [react()],
  // Two pages: /kiosk/ and /fabrics/. What only one of them needs is in a file of its own.
  build: {
    target: "es2022",
    sourcemap: false,
    assetsInlineLimit: 0,
    rolldownOptions: { input: ["index.html", "fabrics.html"] },
  },
  // `npm run dev` shows the pages of a server that runs beside it.
  server: {
    proxy: {
      "/ws": { target: server, ws: true },
      "/api": server,
      "/virtual-tryon": server,
    },
  },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
