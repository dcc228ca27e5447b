/**
 * Makes the pictures of docs/page.md: the six main states of the page, with the demo model. `node dist/test/page/screenshots.js`
 * writes them; with a FOLDER it writes every state in both themes at 1,280 and 390 pixels, to be looked at.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { startServer } from "../server/server-process.js";
import { startBrowser, visit } from "./browser.js";
import { conversation, exported, importFile } from "./conversations.js";
import { type Script, type ScriptedServer, startScripted } from "./scripted-server.js";
import { button, continueText, messageField, setParameters, untilDone, writeText } from "./user.js";

const PICTURES = fileURLToPath(new URL("../../../docs/page/", import.meta.url));
const WIDTHS = {
  wide: { width: 1280, height: 760 },
  narrow: { width: 390, height: 720 },
};
type Width = keyof typeof WIDTHS;
/** The documents show wide windows smaller than they are. */
const SCALES = { wide: 0.7, narrow: 0.9 };
type Theme = "light" | "dark";

const ANSWER = `A bicycle stays upright because it **steers into a fall**. When it leans to the left, the front wheel turns to the left too, and the wheels come back under the weight.

Three things help it:

1. the *trail*: the wheel touches the ground further back than the steering axis points,
2. the weight of the fork, which is further to the front,
3. the rider, at walking pace.

\`\`\`py
def lean(speed, radius):
    # the angle at which the forces are in balance
    return atan(speed ** 2 / (9.81 * radius))
\`\`\`
`;

interface State {
  name: string;
  width: Width;
  theme: Theme;
  /** What answers instead of the server. */
  script?: Script;
  show: (page: Page) => Promise<void>;
}

const wait = (page: Page) => page.evaluate("new Promise((done) => setTimeout(done, 500))");

async function shownText(page: Page): Promise<void> {
  await button(page, "Complete").click();
  await setParameters(page, { Length: "110" });
  await writeText(page, "Once upon a time, there was a little fox who lived near a lake.");
  await continueText(page);
}

async function shownTokens(page: Page): Promise<void> {
  await shownText(page);
  await button(page, "Tokens").click();
  const token = page.locator(".token-flow .level-3, .token-flow .level-2").nth(12);
  await token.click();
}

async function shownChat(page: Page): Promise<void> {
  await button(page, "Chat").click();
  if ((await page.locator("input[type=file]").count()) === 0) await button(page, "History").click();
  const now = { createdAt: Date.now(), updatedAt: Date.now() };
  const texts = ["Explain how a bicycle stays upright.", ANSWER];
  await importFile(
    page,
    exported([conversation({ title: "How a bicycle stays upright", texts, more: now })]),
    "1 conversation",
  );
  await page.locator(".entry-title").first().click();
  await page.locator(".turn.is-assistant").waitFor();
  await page.locator(".notice").waitFor({ state: "hidden" });
}

const LOADING: Script = (path, _, response) => {
  if (!["/health", "/props", "/tokenize"].includes(path)) return false;
  const error = { message: "The model is loading", code: "loading", progress: { bytes: 42, total: 100 } };
  response.writeHead(503, { "content-type": "application/json" }).end(JSON.stringify({ error }));
  return true;
};

const STATES: readonly State[] = [
  { name: "complete", width: "wide", theme: "light", show: shownText },
  { name: "tokens", width: "wide", theme: "light", show: shownTokens },
  { name: "chat", width: "wide", theme: "dark", show: shownChat },
  {
    ...{ name: "parameters", width: "wide", theme: "light" },
    async show(page) {
      await shownChat(page);
      await button(page, "Parameters").click();
      await page.getByLabel("Temperature", { exact: true }).fill("0.6");
      await page.getByLabel("Seed", { exact: true }).fill("7");
    },
  },
  {
    ...{ name: "loading", width: "narrow", theme: "light", script: LOADING },
    async show(page) {
      await button(page, "Chat").click();
      await messageField(page).fill("Explain how a bicycle stays upright.");
      await page.getByText("The model is loading: 42 %").waitFor();
    },
  },
  {
    ...{ name: "branch", width: "narrow", theme: "dark" },
    async show(page) {
      await shownTokens(page);
      await page.locator("button.alternative").nth(1).waitFor();
    },
  },
];

async function picture(browser: Browser, server: ScriptedServer, state: State, file: string, scale = 1): Promise<void> {
  const { width, theme: colorScheme, show } = state;
  server.script = state.script ?? null;
  const { page, close } = await visit(browser, `${server.url}/`, {
    ...{ viewport: WIDTHS[width], deviceScaleFactor: scale, colorScheme },
  });
  await show(page);
  await untilDone(page);
  await page.mouse.move(0, 0);
  await wait(page);
  await page.screenshot({ path: file, animations: "disabled", caret: "hide" });
  await close();
}

const browser = await startBrowser();
if (!browser) throw new Error("There is no Chromium: apt-get install chromium");
const flags = ["--chat", "llama2", "--log_format", "none", "--nproc_per_node", "1", "--temperature", "0"];
const server = await startScripted(await startServer(flags));
const [folder] = process.argv.slice(2);
mkdirSync(folder ?? PICTURES, { recursive: true });
for (const state of STATES) {
  if (folder === undefined)
    await picture(browser, server, state, join(PICTURES, `${state.name}.png`), SCALES[state.width]);
  else {
    for (const width of ["wide", "narrow"] as const) {
      for (const theme of ["light", "dark"] as const) {
        await picture(browser, server, { ...state, width, theme }, join(folder, `${state.name}-${width}-${theme}.png`));
      }
    }
  }
}
process.exit(0);
