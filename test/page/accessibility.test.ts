/** Every view can be used by everyone: no broken rule of accessibility in both themes, nothing too wide at 320 pixels, all by keyboard. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { lastly } from "../lastly.js";
import { startServer } from "../server/server-process.js";
import { barriers, skip, startBrowser, type Visit, visit } from "./browser.js";
import { conversation, exported, importFile } from "./conversations.js";
import { button, continueText, drawn, messageField, sendMessage, setParameters, textField, writeText } from "./user.js";

const MARKDOWN =
  "# Title\n\nA *text* with [a link](https://example.com/a/very/long/address/that/does/not/fit/anywhere) and `code`.\n\n## More\n\n" +
  "- [x] done\n- item\n\n> quote\n\n```ts\nconst a = 'b'; // a comment that is so long that it does not fit into any narrow window at all\n```\n\n" +
  "| one | two | three | four | five | six |\n|---|---|---|---|---|---|\n| 1 | 2 | 3 | 4 | 5 | a longer cell |\n\n" +
  "averyveryverylongwordaveryveryverylongwordaveryveryverylongwordaveryveryverylongword";

const browser = await startBrowser();
const server =
  browser &&
  (await startServer(["--chat", "llama2", "--log_format", "none", "--nproc_per_node", "1", "--temperature", "0"]));
const { page, offences }: Visit = browser && server ? await visit(browser, `${server.url}/`) : ({} as Visit);

/** The views, by what a user does to see them; each starts where the one before has ended. */
const VIEWS: [string, () => Promise<void>][] = [
  ["Chat, empty", () => button(page, "Chat").click()],
  [
    "Chat with Markdown",
    async () => {
      const texts = ["A question\nin two lines", MARKDOWN, "Another", "Short."];
      await importFile(
        page,
        exported([conversation({ title: "Markdown", texts, tokens: ["a", "b"] })]),
        "1 conversation",
      );
      await page.locator(".entry-title").filter({ hasText: "Markdown" }).click();
    },
  ],
  ["Chat with tokens", () => button(page, "Tokens").click()],
  [
    "a turn that is edited",
    async () => {
      await button(page, "Tokens").click();
      await button(page, "Edit").last().click();
    },
  ],
  [
    "Complete, empty",
    async () => {
      await page.keyboard.press("Escape");
      await button(page, "Complete").click();
    },
  ],
  [
    "Complete with the model's words",
    async () => {
      await setParameters(page, { Length: "24" });
      await writeText(page, "Once upon a time");
      await continueText(page);
    },
  ],
  [
    "tokens of a text",
    async () => {
      await button(page, "Tokens").click();
      await page.locator(".token-flow .token").nth(8).waitFor();
    },
  ],
  ["alternatives", () => page.locator(".token-flow .token").nth(8).click()],
  [
    "tokens as a list",
    async () => {
      await page.keyboard.press("Escape");
      await button(page, "As a list").click();
    },
  ],
  [
    "parameters",
    async () => {
      await button(page, "Tokens").click();
      await button(page, "Parameters").click();
      await page.getByLabel("Temperature", { exact: true }).fill("wrong");
    },
  ],
  [
    "keys",
    async () => {
      await button(page, "Close: Parameters").click();
      await button(page, "Keys").click();
    },
  ],
  [
    "an entry of the history",
    async () => {
      await page.keyboard.press("Escape");
      await button(page, /^More about/)
        .first()
        .click();
    },
  ],
];

test("no view breaks a rule of accessibility, in the light and in the dark", { skip }, async () => {
  for (const [name, show] of VIEWS) {
    await show();
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await drawn(page);
      assert.deepEqual(await barriers(page), [], `${name}, ${colorScheme}`);
    }
  }
  assert.deepEqual(await offences(), []);
});

test("at 320 pixels nothing is wider than the window, and all can be reached", { skip }, async () => {
  await page.setViewportSize({ width: 320, height: 640 });
  const wide = () =>
    page.evaluate<string[]>(`[...document.querySelectorAll("body *")]
      .filter((one) => one.getBoundingClientRect().right > innerWidth + 1 && getComputedStyle(one).position !== "absolute")
      .filter((one) => !one.closest("pre, .md-scroll, .token-table"))
      .map((one) => one.outerHTML.slice(0, 120))`);
  await page.reload();
  await button(page, "History").click();
  await page.locator(".entry-title").filter({ hasText: "Markdown" }).click();
  await drawn(page);
  assert.deepEqual(await wide(), []);
  assert.deepEqual(await barriers(page), []);
  await button(page, "Tokens").click();
  await drawn(page);
  assert.deepEqual(await wide(), []);
  await page.locator(".token-flow .token").first().click();
  assert.deepEqual(await wide(), []);
  assert.deepEqual(await barriers(page), []);
  await page.keyboard.press("Escape");
  await button(page, "Parameters").click();
  assert.deepEqual(await wide(), []);
  assert.deepEqual(await barriers(page), []);
  await page.keyboard.press("Escape");
  await page.setViewportSize({ width: 1280, height: 800 });
});

test("a chat needs no pointer: every place is reached by Tab, and the keys do what the list says", {
  skip,
}, async () => {
  await page.reload();
  await button(page, "Chat").click();
  await button(page, "New").click();
  await setParameters(page, { Length: "8" });
  await messageField(page).focus();
  await page.keyboard.type("Hello");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("there");
  assert.equal(await messageField(page).inputValue(), "Hello\nthere");
  await sendMessage(page, "Hello");
  assert.equal(await page.evaluate("document.activeElement.id"), "message");
  await page.keyboard.press("ArrowUp");
  assert.equal(await page.getByRole("textbox", { name: "The changed message" }).inputValue(), "Hello");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+k");
  await drawn(page);
  assert.equal(await page.evaluate("document.activeElement.id"), "search");
  const seen = new Set<string>();
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press("Tab");
    seen.add(
      await page.evaluate<string>("document.activeElement.ariaLabel ?? document.activeElement.textContent ?? ''"),
    );
  }
  for (const name of ["Copy", "Answer again", "Tokens", "Parameters", "Complete", "Message", "Export all", "New"]) {
    assert.ok(
      [...seen].some((one) => one.trim() === name),
      `${name} is not reached: ${[...seen].join(", ")}`,
    );
  }
  await textField(page).waitFor({ state: "detached" });
});

lastly(() => browser?.close());
