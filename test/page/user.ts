/** What the tests of the page do again and again, as a user: choose a view, write, wait for the model. */
import assert from "node:assert/strict";
import type { Page } from "playwright-core";

export function button(page: Page, name: string | RegExp) {
  return page.getByRole("button", { name, exact: typeof name === "string" });
}

export const textField = (page: Page) => page.getByRole("textbox", { name: "Text", exact: true });
export const messageField = (page: Page) => page.getByRole("textbox", { name: "Message", exact: true });

/** Waits until what was done is drawn. */
export async function drawn(page: Page): Promise<void> {
  await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))");
}

/** Waits until no answer is being written. */
export async function untilDone(page: Page): Promise<void> {
  await drawn(page);
  await button(page, /^Stop/).waitFor({ state: "detached" });
}

/** Shows Complete with this text, with the cursor at its end. */
export async function writeText(page: Page, text: string): Promise<void> {
  await button(page, "Complete").click();
  await textField(page).fill(text);
}

/** Lets the model continue the text; returns the whole text. */
export async function continueText(page: Page): Promise<string> {
  await textField(page).press("Control+Enter");
  await untilDone(page);
  return textField(page).inputValue();
}

/** Sends a message in Chat and waits for the answer. */
export async function sendMessage(page: Page, text: string): Promise<void> {
  await messageField(page).fill(text);
  await messageField(page).press("Enter");
  await untilDone(page);
}

/** The texts of the shown answers. */
export function answers(page: Page): Promise<string[]> {
  return page.locator(".turn.is-assistant .markdown").allTextContents();
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
  const isRight = (text: string) => (typeof expected === "string" ? text === expected : expected.test(text));
  let found = await read();
  while (!isRight(found) && Date.now() < end) {
    await new Promise((done) => setTimeout(done, 20));
    found = await read();
  }
  if (typeof expected === "string") assert.equal(found, expected);
  else assert.match(found, expected);
}
