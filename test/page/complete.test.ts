/** Complete: one text by two, with the model's words marked, undo by runs, and the history of texts. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { lastly } from "../lastly.js";
import { startServer } from "../server/server-process.js";
import { skip, startBrowser, visit } from "./browser.js";
import { button, continueText, setParameters, textField, untilText, writeText } from "./user.js";

const START = "Once upon a time";
const LENGTH = 8;

const browser = await startBrowser();
const server = browser && (await startServer(["--log_format", "none", "--nproc_per_node", "1", "--temperature", "0"]));
const { page, offences } =
  browser && server ? await visit(browser, `${server.url}/`) : ({} as Awaited<ReturnType<typeof visit>>);

const textAfter = async (prompt: string): Promise<string> =>
  (await server!.json("/v1/completions", { prompt, max_tokens: LENGTH })).body.choices[0].text;
const marks = () => page.locator(".marked mark").allTextContents();
const text = () => textField(page).inputValue();
const titles = () => page.locator(".history-list .entry-title").allTextContents();

test("a model without a chat format shows Complete first; a beginning is one click", { skip }, async () => {
  await textField(page).waitFor();
  await untilText(async () => (await page.locator("h1").textContent()) ?? "", /demo$/);
  assert.equal(await button(page, "Complete").getAttribute("aria-current"), "page");
  await setParameters(page, { Length: String(LENGTH) });
  await button(page, START).click();
  await untilText(text, START + (await textAfter(START)));
});

test("the model continues at the cursor, its words are marked, and what follows stays", { skip }, async () => {
  await button(page, "New").click();
  await writeText(page, `${START}. The end.`);
  for (let i = 0; i < ". The end.".length; i++) await page.keyboard.press("ArrowLeft");
  const words = await textAfter(START);
  assert.equal(await continueText(page), `${START}${words}. The end.`);
  assert.deepEqual(await marks(), [words]);
  // The cursor is after the model's words: again continues there.
  const more = await textAfter(START + words);
  assert.equal(await continueText(page), `${START}${words}${more}. The end.`);
  assert.deepEqual(await marks(), [words, more]);
});

test("undo takes back whole runs, redo brings them again; what is typed is a step of its own", { skip }, async () => {
  await button(page, "New").click();
  await writeText(page, START);
  const first = await continueText(page);
  const second = await continueText(page);
  await page.keyboard.type("!?");
  assert.equal(await text(), `${second}!?`);
  for (const expected of [second, first, START]) {
    await page.keyboard.press("Control+z");
    assert.equal(await text(), expected);
  }
  await page.keyboard.press("Control+Shift+z");
  await button(page, "Redo").click();
  assert.equal(await text(), second);
  assert.equal((await marks()).join(""), second.slice(START.length));
});

test("marks follow what the user changes", { skip }, async () => {
  await button(page, "New").click();
  await writeText(page, START);
  const whole = await continueText(page);
  await page.keyboard.press("Control+Home");
  await page.keyboard.type("Well. ");
  assert.equal(await text(), `Well. ${whole}`);
  assert.deepEqual(await marks(), [whole.slice(START.length)]);
  await page.keyboard.press("Control+End");
  await page.keyboard.press("Backspace");
  assert.deepEqual(await marks(), [whole.slice(START.length, -1)]);
});

test("Esc stops; what came stays", { skip }, async () => {
  await button(page, "New").click();
  await setParameters(page, { Length: "400" });
  await writeText(page, START);
  await textField(page).press("Control+Enter");
  await untilText(text, /^Once upon a time.{8}/s);
  await page.keyboard.press("Escape");
  await button(page, /^Stop/).waitFor({ state: "detached" });
  const kept = await text();
  assert.ok(kept.length > START.length && (await marks()).length === 1);
  assert.equal((await server!.counts()).running, 0);
  await setParameters(page, { Length: String(LENGTH) });
  assert.equal(await text(), kept);
});

test("a text that is longer than the context continues from its end, when asked", { skip }, async () => {
  await button(page, "New").click();
  const long = "The cat sat on the mat and the dog ran to the park.\n".repeat(60);
  await writeText(page, long);
  await textField(page).press("Control+Enter");
  const state = page.locator(".state.is-problem");
  await state.waitFor();
  assert.match((await state.textContent()) ?? "", /It has \d+ tokens, and there is room for 512/);
  assert.equal(await text(), long);
  await button(page, "Continue from the end of the text alone").click();
  await untilText(text, new RegExp(`^${long}.`, "s"));
  await button(page, /^Stop/).waitFor({ state: "detached" });
  assert.equal(await state.count(), 0);
  assert.match(
    (await page.locator(".left-out").textContent()) ?? "",
    /^The model does not get the first \d+ characters/,
  );
});

test("texts are in the history: found by their words, opened, renamed, exported, imported, removed", {
  skip,
}, async () => {
  await button(page, "New").click();
  await writeText(page, "A walrus and");
  const walrus = await continueText(page);
  await button(page, "New").click();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("WALRUS");
  await untilText(async () => (await titles()).join("|"), /^[^|]*walrus[^|]*$/);
  await page.keyboard.press("Enter");
  await untilText(text, walrus);
  await page.getByRole("searchbox").fill("");
  await button(page, /^More about A walrus/).click();
  await button(page, "Rename").click();
  await page.getByRole("textbox", { name: "Title" }).fill("Of a walrus");
  await page.keyboard.press("Enter");
  await untilText(async () => (await titles()).join(), /Of a walrus/);
  await button(page, "More about Of a walrus").click();
  const [download] = await Promise.all([page.waitForEvent("download"), button(page, "Export JSON").click()]);
  assert.equal(download.suggestedFilename(), "Of a walrus.json");
  const file = await download.path();
  assert.equal(JSON.parse(readFileSync(file, "utf8")).conversations[0].document.text, walrus);
  const [markdown] = await Promise.all([page.waitForEvent("download"), button(page, "Export Markdown").click()]);
  assert.equal(readFileSync(await markdown.path(), "utf8"), `# Of a walrus\n\n${walrus}\n`);
  await button(page, "Remove").click();
  await button(page, "Remove for good").click();
  await untilText(async () => String((await titles()).some((one) => one.includes("walrus"))), "false");
  assert.equal(await text(), "");
  await page.locator("input[type=file]").setInputFiles(file);
  await untilText(async () => (await titles()).join(), /Of a walrus/);
  await button(page, /^Of a walrus/).click();
  await untilText(text, walrus);
  assert.equal((await marks()).join(""), walrus.slice("A walrus and".length));
});

test("a browser without a store keeps the history until the tab closes, and the page says so", { skip }, async () => {
  const forbidden = `for (const name of ["indexedDB", "sessionStorage"]) {
    Object.defineProperty(window, name, { get() { throw new DOMException("forbidden", "SecurityError"); } });
  }`;
  const bare = await visit(browser!, `${server!.url}/`, {}, (one) => one.addInitScript(forbidden).then(() => {}));
  await writeText(bare.page, START);
  await setParameters(bare.page, { Length: String(LENGTH) });
  const whole = await continueText(bare.page);
  await bare.page.getByText("This browser keeps no history here").waitFor();
  await button(bare.page, "New").click();
  assert.equal(await textField(bare.page).inputValue(), "");
  await bare.page.locator(".history-list .entry-title").first().click();
  await untilText(() => textField(bare.page).inputValue(), whole);
  assert.deepEqual(await bare.offences(), []);
  await bare.close();
});

test("a reload shows the same text; another tab follows", { skip }, async () => {
  const before = await text();
  const other = await page.context().newPage();
  await other.goto(page.url());
  await page.reload();
  await untilText(text, before);
  await page.keyboard.press("Control+End");
  await page.keyboard.type(" Yes.");
  await untilText(async () => (await other.locator(".history-list").textContent()) ?? "", /Of a walrus/);
  await other.locator(".history-list .entry-title", { hasText: "Of a walrus" }).click();
  await untilText(() => textField(other).inputValue(), `${before} Yes.`);
  await textField(page).press("Control+End");
  await page.keyboard.type(" No.");
  await untilText(() => textField(other).inputValue(), `${before} Yes. No.`);
  await other.close();
  assert.deepEqual(await offences(), []);
});

lastly(() => browser?.close());
