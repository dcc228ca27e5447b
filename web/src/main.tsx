/** The entry point of the page: shows it at once, then asks the server and the history. */
import { render } from "preact";
import { App } from "./app/app.js";
import { followServer } from "./state/server-state.js";
import "./styles/main.css";

render(<App />, document.getElementById("app")!);
followServer();
