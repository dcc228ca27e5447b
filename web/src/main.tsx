/** The entry point of the page: shows it at once, then asks the server and the history. */
import { render } from "preact";
import { startAnnouncer } from "./app/announcer.js";
import { App } from "./app/app.js";
import { startKeyboard } from "./app/keyboard.js";
import { isNarrow } from "./app/media.js";
import { startSession } from "./history/session.js";
import { followServer } from "./state/server-state.js";
import { opened } from "./state/store.js";
import "./styles/main.css";

opened.value = { history: !isNarrow.value, panel: false };
render(<App />, document.getElementById("app")!);
startKeyboard();
startAnnouncer();
followServer();
void startSession();
