/** What the tests of the page do again and again, as a user: choose a view, write, wait for the model. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";

export function button(page: Page, name: string | RegExp) {
  return page.getByRole("button", { name, exact: typeof name === "string" });
}

/** Waits until no answer is being written. */
export async function untilDone(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Stop" }).waitFor({ state: "detached" });
}

/** Shows Complete with this text, with the cursor at its end. */
export async function writeText(page: Page, text: string): Promise<void> {
  await button(page, "Complete").click();
  await page.getByRole("textbox", { name: "Text" }).fill(text);
}

/** Lets the model continue the text; returns the whole text. */
export async function continueText(page: Page): Promise<string> {
  await page.getByRole("textbox", { name: "Text" }).press("Control+Enter");
  await untilDone(page);
  return page.getByRole("textbox", { name: "Text" }).inputValue();
}

/** Shows Chat, sends a message and waits for the answer. */
export async function sendMessage(page: Page, text: string): Promise<void> {
  await button(page, "Chat").click();
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.getByLabel("Message", { exact: true }).press("Enter");
  await button(page, "Stop")
    .waitFor()
    .catch(() => {});
  await untilDone(page);
}

/** The texts of the shown answers. */
export function answers(page: Page): Promise<string[]> {
  return page.locator(".turn.is-assistant .markdown").allInnerTexts();
}

/** Sets parameters of the shown conversation by their labels, and closes the panel again. */
export async function setParameters(page: Page, values: Record<string, string>): Promise<void> {
  await button(page, "Parameters").click();
  for (const [label, value] of Object.entries(values)) await page.getByLabel(label, { exact: true }).fill(value);
  await button(page, "Close: Parameters").click();
}

/** Reads a text until it is the expected one. */
export async function untilText(read: () => Promise<string>, expected: string | RegExp): Promise<void> {
  const end = Date.now() + 5000;
  let found = "";
  while (Date.now() < end) {
    found = await read();
    if (typeof expected === "string" ? found === expected : expected.test(found)) return;
    await new Promise((done) => setTimeout(done, 20));
  }
  if (typeof expected === "string") assert.equal(found, expected);
  else assert.match(found, expected);
}
