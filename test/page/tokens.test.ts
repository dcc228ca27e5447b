/** The tokens of a text: coloured by probability, each opens its alternatives, and another one is the beginning of a branch. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { lastly } from "../lastly.js";
import { startServer } from "../server/server-process.js";
import { skip, startBrowser, visit } from "./browser.js";
import { button, continueText, drawn, sendMessage, setParameters, untilDone, untilText, writeText } from "./user.js";

const START = "Once upon a time, there was a dog";
const LENGTH = 12;

const browser = await startBrowser();
const server =
  browser &&
  (await startServer(["--chat", "llama2", "--log_format", "none", "--nproc_per_node", "1", "--temperature", "0"]));
const { page, offences } =
  browser && server ? await visit(browser, `${server.url}/`) : ({} as Awaited<ReturnType<typeof visit>>);

const complete = async (prompt: string | number[], more = {}) =>
  (await server!.json("/v1/completions", { prompt, max_tokens: LENGTH, logprobs: 10, return_token_ids: true, ...more }))
    .body.choices[0];
const tokens = () => page.locator(".token-flow .token");
const dialog = () => page.getByRole("dialog");
const rows = () => dialog().locator("button.alternative");

test("the model's words and the user's are shown with their probabilities", { skip }, async () => {
  await writeText(page, START);
  await setParameters(page, { Length: String(LENGTH) });
  const { text, logprobs } = await complete(START, { echo: true });
  assert.equal(await continueText(page), text);
  await button(page, "Tokens").click();
  await tokens().first().waitFor();
  assert.equal(await tokens().count(), logprobs.tokens.length);
  assert.equal((await tokens().allTextContents()).slice(1).join(""), ` ${text}`);
  const at = logprobs.tokens.indexOf(" dog");
  const chance = Math.exp(logprobs.token_logprobs[at]);
  assert.ok(chance < 0.05, String(chance));
  assert.match((await tokens().nth(at).getAttribute("class"))!, /level-4/);
  assert.match((await tokens().nth(at).getAttribute("aria-label"))!, /^dog, [\d.]+ %, surprising$/);
  const others = /^\d\.\d %; or ·\S+ \d+ %, ·\S+ [\d.]+ %, ·\S+ [\d.]+ %$/;
  assert.match((await tokens().nth(at).getAttribute("title"))!, others);
});

test("a token opens its ten likeliest by click or Enter; the arrow keys go to the tokens beside it", {
  skip,
}, async () => {
  const { logprobs } = await complete(START, { echo: true });
  await tokens().nth(9).click();
  const likely = Object.entries(logprobs.top_logprobs[9] as Record<string, number>).sort((a, b) => b[1] - a[1]);
  assert.equal(await rows().count(), likely.length);
  assert.ok(likely.length >= 10);
  const shown = await rows().locator(".token-name [aria-hidden]").allTextContents();
  assert.deepEqual(
    shown,
    likely.map(([name]) => name.replace(/ /g, "·").replace(/\n/g, "↵")),
  );
  const widths = await dialog()
    .locator(".alternative-bar span")
    .evaluateAll<number[], never>((bars) =>
      bars.map((bar: { style: { width: string } }) => Number.parseFloat(bar.style.width)),
    );
  for (const [i, [, logprob]] of likely.entries()) assert.ok(Math.abs(widths[i]! - 100 * Math.exp(logprob)) < 0.01);
  assert.match((await dialog().getAttribute("aria-label"))!, /^Token 10 of /);
  await page.keyboard.press("ArrowRight");
  assert.match((await dialog().getAttribute("aria-label"))!, /^Token 11 of /);
  await page.keyboard.press("Escape");
  assert.equal(await dialog().count(), 0);
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("Enter");
  assert.match((await dialog().getAttribute("aria-label"))!, /^Token 10 of /);
  // A click on another token closes the dialog and opens that one's.
  const { x, y, width, height } = (await tokens().nth(2).boundingBox())!;
  await page.mouse.click(x + width / 2, y + height / 2);
  assert.match((await dialog().getAttribute("aria-label"))!, /^Token 3 of /);
  await button(page, "Close").click();
  await button(page, "Next fork").click();
  assert.equal(await dialog().count(), 1);
  await page.keyboard.press("Escape");
});

test("another token begins a branch: the text continues from there, and undo brings the old one back", {
  skip,
}, async () => {
  const before = await complete(START, { echo: true });
  const at = before.prompt_token_ids.length + 2;
  const ids = [...before.logprobs.token_ids].slice(0, at);
  const [, [name, id]] = Object.entries(before.logprobs.top_token_ids[at] as Record<string, number>).sort(
    ([a], [b]) => before.logprobs.top_logprobs[at][b] - before.logprobs.top_logprobs[at][a],
  ) as [unknown, [string, number]];
  const branch = await complete([...ids, id], { echo: true });
  await tokens().nth(at).click();
  await rows().nth(1).click();
  await untilDone(page);
  await untilText(async () => (await tokens().allTextContents()).slice(1).join(""), ` ${branch.text}`);
  assert.equal(await tokens().nth(at).textContent(), name);
  await button(page, "Tokens").click();
  assert.equal(await page.locator("#text").inputValue(), branch.text);
  await button(page, "Undo").click();
  assert.equal(await page.locator("#text").inputValue(), before.text);
});

test("the tokens are a list too, for screen readers and those who want numbers", { skip }, async () => {
  await button(page, "Tokens").click();
  await tokens().first().waitFor();
  const count = await tokens().count();
  await button(page, "As a list").click();
  const table = page.getByRole("table");
  assert.equal(await table.locator("tbody tr").count(), count);
  assert.match((await table.locator("tbody tr").nth(9).textContent()) ?? "", /^10\S+.*%/);
  await table.getByRole("button").nth(9).click();
  assert.match((await dialog().getAttribute("aria-label"))!, /^Token 10 of /);
  await page.keyboard.press("Escape");
  await button(page, "As a list").click();
  await button(page, "Tokens").click();
});

test("in Chat another token makes a sibling of the answer", { skip }, async () => {
  await button(page, "Chat").click();
  await setParameters(page, { Length: String(LENGTH) });
  await button(page, "Tokens").click();
  await sendMessage(page, "Tell me a story.");
  const first = (await tokens().allTextContents()).join("");
  const { body } = await server!.json("/apply-template", { messages: [{ role: "user", content: "Tell me a story." }] });
  const expected = await complete(body.tokens);
  assert.equal(first.trim(), expected.text.trim());
  await tokens().nth(3).click();
  const other = (await rows().nth(1).locator(".token-name [aria-hidden]").textContent())!.replace(/·/g, " ");
  await rows().nth(1).click();
  await page.locator(".turn.is-assistant .siblings").filter({ hasText: "2/2" }).waitFor();
  await untilDone(page);
  assert.equal(await tokens().nth(3).textContent(), other);
  assert.deepEqual(
    (await tokens().allTextContents()).slice(0, 3).join(""),
    expected.logprobs.tokens.slice(0, 3).join(""),
  );
  assert.match((await page.locator(".turn.is-assistant .siblings").textContent()) ?? "", /2\/2/);
  await button(page, "Version before").click();
  await drawn(page);
  assert.equal((await tokens().allTextContents()).join(""), first);
  assert.deepEqual(await offences(), []);
});

lastly(() => browser?.close());
