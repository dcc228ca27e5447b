/** The page stays quick: typing with 500 messages while an answer comes, its size, and its first picture before the model. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { lastly } from "../lastly.js";
import { startServer } from "../server/server-process.js";
import { skip, startBrowser, type Visit, visit } from "./browser.js";
import { conversation, exported, importFile } from "./conversations.js";
import { openStream, startScripted } from "./scripted-server.js";
import { answers, button, drawn, messageField, untilDone } from "./user.js";

const MESSAGES = 500;
const TOKENS_A_SECOND = 60;
/** Bytes of all files by gzip, which web/build.js holds too. */
const BUDGET = 60_000;

const browser = await startBrowser();
const real = browser && (await startServer(["--chat", "llama2", "--log_format", "none", "--nproc_per_node", "1"]));
const server = real && (await startScripted(real));
const { page, offences }: Visit = browser && server ? await visit(browser, `${server.url}/`) : ({} as Visit);

/** From a key to the picture that shows it, in milliseconds, for each key. */
const NOTE_KEYS = `(() => {
  globalThis.delays = [];
  const channel = new MessageChannel();
  const begun = [];
  channel.port1.onmessage = () => { const now = performance.now(); for (const time of begun.splice(0)) delays.push(now - time); };
  addEventListener("keydown", (event) => { begun.push(event.timeStamp); requestAnimationFrame(() => channel.port2.postMessage(0)); }, true);
})()`;

test("with 500 messages and 60 tokens/s, a typed letter is seen within 50 ms", { skip }, async (t) => {
  const texts = Array.from({ length: MESSAGES }, (_, i) =>
    i % 2 === 0
      ? `Question ${i}: how does this work?`
      : `## Answer ${i}\n\nIt has *parts*:\n\n- one\n- two\n\n\`\`\`js\nconst a = ${i};\n\`\`\`\n\nAnd an end.`,
  );
  await importFile(page, exported([conversation({ title: "Long", texts })]), "1 conversation");
  await page.locator(".entry-title").filter({ hasText: "Long" }).click();
  await page
    .locator(".turn")
    .nth(MESSAGES - 1)
    .waitFor();
  let ticks: NodeJS.Timeout | undefined;
  server!.script = (path, _, response) => {
    if (path === "/apply-template") {
      response.end(JSON.stringify({ prompt: "", tokens: [1] }));
      return true;
    }
    if (path !== "/v1/completions") return false;
    const to = openStream(response);
    let count = 0;
    const start = performance.now();
    ticks = setInterval(() => {
      for (; count < ((performance.now() - start) / 1000) * TOKENS_A_SECOND; count++) {
        to.piece(count % 40 === 39 ? ".\n\n- " : " *word*");
      }
    }, 1000 / TOKENS_A_SECOND);
    response.on("close", () => clearInterval(ticks));
    return true;
  };
  await messageField(page).fill("Write");
  await messageField(page).press("Enter");
  await page
    .locator(".turn")
    .nth(MESSAGES + 1)
    .waitFor();
  await drawn(page);
  await page.evaluate(NOTE_KEYS);
  await messageField(page).focus();
  await page.keyboard.type("Typing continues while the model writes", { delay: 30 });
  const delays = (await page.evaluate<number[]>("delays")).sort((a, b) => a - b);
  assert.ok(delays.length >= 30, `${delays.length} keys`);
  const at = (part: number) => delays[Math.floor(part * (delays.length - 1))]!;
  t.diagnostic(`a letter is seen after ${at(0.5).toFixed(1)} ms (median), ${at(0.95).toFixed(1)} ms (95 %)`);
  // The slowest keys are those of a busy machine.
  assert.ok(at(0.5) < 50, `${at(0.5)} ms`);
  assert.equal(await messageField(page).inputValue(), "Typing continues while the model writes");
  const before = (await answers(page)).at(-1)!.length;
  assert.ok(before > 0);
  await page.keyboard.press("Escape");
  await untilDone(page);
  assert.deepEqual(await offences(), []);
});

test("only the end of an answer is drawn again while it comes", { skip }, async () => {
  await button(page, "New").click();
  await button(page, "Chat").click();
  let finish: () => void = () => {};
  server!.script = (path, _, response) => {
    if (path !== "/v1/completions") return false;
    const to = openStream(response);
    to.piece(Array.from({ length: 200 }, (_, i) => `Paragraph ${i} has *some* words.`).join("\n\n"));
    finish = () => to.end();
    void (async () => {
      for (let i = 0; i < 20; i++) {
        await new Promise((done) => setTimeout(done, 20));
        to.piece(` and ${i}`);
      }
    })();
    return true;
  };
  await messageField(page).fill("Long");
  await messageField(page).press("Enter");
  await page.locator(".markdown").getByText("Paragraph 199").waitFor();
  await page.evaluate(`(() => {
    globalThis.touched = new Set();
    const blocks = [...document.querySelectorAll(".turn.is-assistant .markdown > *")];
    new MutationObserver((list) => {
      for (const { target } of list) touched.add(blocks.findIndex((one) => one.contains(target)));
    }).observe(document.querySelector(".turn.is-assistant .markdown"), { subtree: true, childList: true, characterData: true });
  })()`);
  await page.locator(".markdown").getByText("and 19").waitFor();
  assert.deepEqual(await page.evaluate("[...touched].filter((at) => at >= 0 && at < 199)"), []);
  finish();
  await untilDone(page);
});

test("the page is there before the model, and asks only this server", { skip }, async () => {
  server!.script = (path, _, response) => {
    if (!["/health", "/props", "/tokenize"].includes(path)) return false;
    response.writeHead(503, { "content-type": "application/json" });
    response.end(JSON.stringify({ error: { code: "loading", message: "", progress: { bytes: 1, total: 10 } } }));
    return true;
  };
  const { page: fresh, offences: ofFresh, close } = await visit(browser!, `${server!.url}/`);
  await fresh.getByText("The model is loading: 10 %").waitFor();
  const paint = await fresh.evaluate<number>("performance.getEntriesByName('first-contentful-paint')[0].startTime");
  assert.ok(paint < 3000, `${paint} ms`);
  await button(fresh, "Complete").click();
  await fresh.getByRole("textbox", { name: "Text", exact: true }).fill("Written before the model is there");
  assert.deepEqual(await ofFresh(), []);
  await close();
});

test("all files of the page together have less than 60 kB by gzip, and make no HTML of text", () => {
  const folder = fileURLToPath(new URL("../../web/", import.meta.url));
  const names = readdirSync(folder);
  const sizes = names.filter((name) => name.endsWith(".gz")).map((name) => readFileSync(`${folder}${name}`).length);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  assert.ok(total > 10_000 && total < BUDGET, `${total} bytes`);
  const script = names.find((name) => /^app-\w+\.js$/.test(name))!;
  const text = readFileSync(`${folder}${script}`, "utf8");
  assert.doesNotMatch(text, /\beval\(|new Function\(|insertAdjacentHTML|outerHTML|document\.write/);
});

lastly(() => browser?.close());
