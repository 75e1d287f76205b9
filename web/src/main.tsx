import { createRoot } from "react-dom/client";
import { App } from "./app";
import { readConfig } from "./config";
import "./styles/tokens.css";
import "./styles/shared.css";
import "./styles/base.css";
import "./styles/quiet.css";
import "./styles/stage.css";
import "./styles/counter.css";
import "./styles/result.css";

const root = document.getElementById("root");
if (root) createRoot(root).render(<App config={readConfig(window.location.search)} />);
