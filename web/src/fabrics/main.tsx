import { createRoot } from "react-dom/client";
import { App } from "./app";
import "../styles/tokens.css";
import "../styles/shared.css";
import "./styles/page.css";
import "./styles/scan.css";
import "./styles/result.css";
import "./styles/book.css";

const root = document.getElementById("root");
if (root) createRoot(root).render(<App />);
