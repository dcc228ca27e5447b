/** The parameters reach the requests, each goes back to the server's default, and the gauges count what the server counts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { lastly } from "../lastly.js";
import { startServer } from "../server/server-process.js";
import { skip, startBrowser, type Visit, visit } from "./browser.js";
import { startScripted } from "./scripted-server.js";
import { button, continueText, messageField, setParameters, textField, untilText, writeText } from "./user.js";

const browser = await startBrowser();
const flags = [
  "--chat",
  "llama2",
  "--log_format",
  "none",
  "--nproc_per_node",
  "1",
  "--temperature",
  "0",
  "--top_p",
  "0.9",
];
const server = browser && (await startScripted(await startServer(flags)));
const { page, offences }: Visit = browser && server ? await visit(browser, `${server.url}/`) : ({} as Visit);

const field = (label: string) => page.getByLabel(label, { exact: true });
const gauge = (name: string) => async () =>
  (await page.locator(".gauges dl > div").filter({ hasText: name }).locator("dd").allTextContents()).join("");

test("parameters begin at the server's defaults, and go with the request once they are changed", { skip }, async () => {
  await writeText(page, "Once upon a time");
  await button(page, "Parameters").click();
  assert.equal(await field("Temperature").inputValue(), "0");
  assert.equal(await field("Top p").inputValue(), "0.9");
  const values = {
    Temperature: "0,5",
    "Top k": "40",
    "Min p": "0.02",
    Seed: "7",
    Length: "5",
    "Presence penalty": "-0.5",
  };
  await button(page, "Close: Parameters").click();
  await setParameters(page, { ...values, "Stop texts": "The end\\n\nStop" });
  const text = await continueText(page);
  const { temperature, top_k, min_p, seed, max_tokens, presence_penalty, stop, top_p } = server!.completions.at(-1);
  assert.deepEqual(
    [temperature, top_k, min_p, seed, max_tokens, presence_penalty, stop, top_p],
    [0.5, 40, 0.02, 7, 5, -0.5, ["The end\n", "Stop"], undefined],
  );
  await button(page, "Undo").click();
  assert.equal(await continueText(page), text, "the same seed");
});

test("each goes back to the default, and all do; a reload keeps what is changed", { skip }, async () => {
  await page.reload();
  await textField(page).waitFor();
  await button(page, "Parameters").click();
  assert.equal(await field("Temperature").inputValue(), "0.5");
  await button(page, "Temperature: back to 0").click();
  assert.equal(await field("Temperature").inputValue(), "0");
  await page.getByLabel("Top p, slider").fill("0.5");
  assert.equal(await field("Top p").inputValue(), "0.5");
  await button(page, /^Back to all defaults/).click();
  assert.equal(await field("Top p").inputValue(), "0.9");
  assert.equal(await field("Stop texts").inputValue(), "");
  await button(page, "All are the server's defaults").waitFor();
});

test("what is not a value is said, and is not sent", { skip }, async () => {
  await field("Temperature").fill("-1");
  await page.getByText("Not a number from 0 to 100.").waitFor();
  assert.equal(await field("Temperature").getAttribute("aria-invalid"), "true");
  await field("Top k").fill("1.5");
  await page.getByText("Not a whole number of at least 0.").waitFor();
  await button(page, "Close: Parameters").click();
  await setParameters(page, { Length: "3" });
  await continueText(page);
  const { temperature, top_k } = server!.completions.at(-1);
  assert.deepEqual([temperature, top_k], [undefined, undefined]);
});

test("the seed that was drawn can be taken for the next", { skip }, async () => {
  await setParameters(page, { Temperature: "1", Length: "8" });
  await button(page, "Undo").click();
  const text = await continueText(page);
  await button(page, "Undo").click();
  await button(page, "Parameters").click();
  await button(page, /^take the last one/).click();
  await button(page, "Close: Parameters").click();
  assert.equal(await continueText(page), text);
});

test("the gauges count the prompt as it is typed, what was reused, and the context", { skip }, async () => {
  const tokens = async (prompt: string) => {
    const body = JSON.stringify({ prompt });
    const answer = await fetch(`${server!.url}/tokenize`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    return ((await answer.json()) as { count: number }).count;
  };
  await textField(page).fill("A cat sat on the mat and");
  const used = () => page.locator(".gauge-context span").textContent();
  const count = await tokens("A cat sat on the mat and");
  await untilText(async () => (await used())!, `${count} of 512`);
  const text = await continueText(page);
  await untilText(async () => (await used())!, `${await tokens(text)} of 512`);
  await untilText(gauge("Written"), "8");
  await continueText(page);
  assert.ok(Number(await gauge("Reused")()) >= count, await gauge("Reused")());
  assert.match(await gauge("First token")(), /^\d+ ms$|^\d\.\d s$/);
  assert.match(await gauge("Speed")(), /tokens\/s$/);
});

test("the system text goes before the messages", { skip }, async () => {
  await button(page, "Chat").click();
  await setParameters(page, { "System text": "You are a cat.", Length: "4" });
  await messageField(page).fill("Hello");
  const used = () => page.locator(".gauge-context span").textContent();
  await untilText(async () => (await used())!, /^\d+ of 512$/);
  const { length } = server!.completions;
  await messageField(page).press("Enter");
  await untilText(async () => String(server!.completions.length), String(length + 1));
  const { prompt } = server!.completions.at(-1);
  const answer = await fetch(`${server!.url}/detokenize`, {
    ...{ method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ tokens: prompt }) },
  });
  assert.match(((await answer.json()) as { content: string }).content, /You are a cat\.[\s\S]*Hello/);
  assert.deepEqual(await offences(), []);
});

lastly(() => browser?.close());
