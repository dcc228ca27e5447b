/** Hostile texts in messages, answers, names and imported files are shown as text: nothing runs, and no request leaves. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { lastly } from "../lastly.js";
import { startServer } from "../server/server-process.js";
import { skip, startBrowser, type Visit, visit } from "./browser.js";
import { conversation, exported, importFile } from "./conversations.js";
import { HOSTILE } from "./hostile-texts.js";
import { openStream, startScripted } from "./scripted-server.js";
import { button, drawn, messageField, sendMessage, textField, untilDone, writeText } from "./user.js";

const browser = await startBrowser();
const real = browser && (await startServer(["--chat", "llama2", "--log_format", "none", "--nproc_per_node", "1"]));
const server = real && (await startScripted(real));
const { page, offences }: Visit = browser && server ? await visit(browser, `${server.url}/`) : ({} as Visit);
const ALL = HOSTILE.join("\n\n");

/** Elements that the page itself does not have. */
const FOREIGN =
  "img, iframe, script:not([src]), style, base, math, form, object, embed, svg:not(.icon), details, [onerror], [onload]";

async function checkQuiet(): Promise<void> {
  await drawn(page);
  assert.deepEqual(
    await page
      .locator("body")
      .locator(FOREIGN)
      .evaluateAll((all) => all.map((one) => String(one))),
    [],
  );
  assert.equal(await page.evaluate("globalThis.hit"), undefined);
  assert.deepEqual(await offences(), []);
}

test("as messages and as answers, as Markdown and as tokens", { skip }, async () => {
  server!.script = (path, _, response) => {
    if (path !== "/v1/completions") return false;
    const stream = openStream(response);
    for (const text of HOSTILE) stream.piece(`${text}\n\n`, { [text]: -1, [`${text} `]: -2 });
    stream.end();
    return true;
  };
  await button(page, "Chat").click();
  for (const text of HOSTILE.slice(0, 3)) await sendMessage(page, text);
  await sendMessage(page, ALL);
  assert.ok((await page.locator(".turn.is-assistant").last().textContent())!.includes("<script>hit = 1</script>"));
  assert.equal(await page.locator(".turn.is-user .plain").last().textContent(), ALL);
  await checkQuiet();
  await button(page, "Tokens").click();
  await sendMessage(page, "again");
  const flow = page.locator(".token-flow").last();
  assert.ok((await flow.textContent())!.includes(HOSTILE[1]!));
  await flow.locator(".token").nth(1).click();
  await page.getByRole("dialog").waitFor();
  await checkQuiet();
  await page.keyboard.press("Escape");
  await button(page, "Tokens").click();
});

test("as the text of Complete, the system text, and the errors of the server", { skip }, async () => {
  await writeText(page, ALL);
  await textField(page).press("Control+Enter");
  await untilDone(page);
  await checkQuiet();
  server!.script = (path, _, response) => {
    if (path !== "/v1/completions") return false;
    const error = { message: `${HOSTILE[1]} ${HOSTILE[0]}`, type: "invalid_request_error", param: null, code: "a" };
    response.writeHead(400, { "content-type": "application/json" }).end(JSON.stringify({ error }));
    return true;
  };
  await textField(page).press("Control+Enter");
  await page.getByText(HOSTILE[1]!).last().waitFor();
  await button(page, "Chat").click();
  await messageField(page).fill(ALL);
  await button(page, "Parameters").click();
  await page.getByLabel("System text").fill(ALL);
  await page.getByLabel("Stop texts").fill(ALL);
  await checkQuiet();
  await button(page, "Back to all defaults (1 changed)").click();
  await button(page, "Close: Parameters").click();
});

test("in imported files, also as names of what the page has", { skip }, async () => {
  server!.script = null;
  const texts = [ALL, ALL, HOSTILE[1]!, HOSTILE[0]!];
  const files = HOSTILE.slice(0, 12).map((name) =>
    conversation({ title: `${name} imported`, system: ALL, texts, tokens: HOSTILE }),
  );
  await importFile(page, exported(files), "12 conversations imported");
  for (const title of HOSTILE.slice(0, 2)) {
    await page
      .locator(".entry-title")
      .filter({ hasText: `${title} imported` })
      .first()
      .click();
    await drawn(page);
    assert.ok((await page.locator(".turn.is-assistant").first().textContent())!.includes("<script>hit = 1</script>"));
    await button(page, "Tokens").click();
    await checkQuiet();
    await button(page, "Tokens").click();
    await checkQuiet();
  }
});

test("a file that is not as the page wrote it is refused whole, and says where", { skip }, async () => {
  const good = conversation({ texts: ["a", "b"] });
  const wrong: [string, RegExp][] = [
    ["{", /not JSON/],
    ["[]", /not an object/],
    [exported([], { version: 2 }), /[Vv]ersion 2/],
    [exported([good, { ...good, turns: "x" }]), /conversations\[1\]\.turns/],
    [exported([{ ...good, mode: "evil" }]), /mode/],
    [exported([{ ...good, settings: { temperature: "1" } }]), /temperature/],
    [exported([conversation({ texts: ["a"], more: { turns: [{ ...good.turns[0], parent: "t0" }] } })]), /parent/],
    [
      exported([conversation({ text: "abc", more: { document: { text: "abc", runs: [{ start: 2, end: 9 }] } } })]),
      /runs\[0\]/,
    ],
  ];
  const count = await page.locator(".entry-title").count();
  for (const [content, message] of wrong) await importFile(page, content, message);
  assert.equal(await page.locator(".entry-title").count(), count);
  await checkQuiet();
});

lastly(() => browser?.close());
