/** Chat: turns as a tree, stop and continue, the context, and what a reload in the middle of an answer keeps. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { lastly } from "../lastly.js";
import { startServer } from "../server/server-process.js";
import { skip, startBrowser, visit } from "./browser.js";
import { answers, button, drawn, messageField, sendMessage, setParameters, untilDone, untilText } from "./user.js";

const LENGTH = 10;

const browser = await startBrowser();
const server =
  browser &&
  (await startServer([
    ...["--chat", "llama2", "--log_format", "none", "--nproc_per_node", "1", "--temperature", "0"],
    ...["--max_seq_len", "160"],
  ]));
const { page, offences } =
  browser && server ? await visit(browser, `${server.url}/`) : ({} as Awaited<ReturnType<typeof visit>>);

type Message = { role: string; content: string; token_ids?: number[] };

const user = (content: string): Message => ({ role: "user", content });

/** What the server answers to these messages, with the ids of its answer. */
async function answerTo(messages: Message[], more = {}): Promise<Message> {
  const body = { messages, max_tokens: LENGTH, return_token_ids: true, ...more };
  const [{ message, token_ids: ids }] = (await server!.json("/v1/chat/completions", body)).body.choices;
  return { role: "assistant", content: message.content, token_ids: ids };
}

/** Markdown makes paragraphs of lines. */
const plain = (text: string) => text.replace(/\s+/g, "");
const shown = async () => (await answers(page)).map(plain);
const turns = () => page.locator(".turn").count();

test("a chat model shows Chat first; an answer is that of the chat's route, and the next one sees its very ids", {
  skip,
}, async () => {
  await messageField(page).waitFor();
  assert.equal(await button(page, "Chat").getAttribute("aria-current"), "page");
  await setParameters(page, { Length: String(LENGTH) });
  await sendMessage(page, "Tell me a story.");
  const first = await answerTo([user("Tell me a story.")]);
  await sendMessage(page, "And then?");
  const second = await answerTo([user("Tell me a story."), first, user("And then?")]);
  assert.deepEqual(
    await shown(),
    [first, second].map(({ content }) => plain(content)),
  );
  assert.equal(await messageField(page).inputValue(), "");
});

test("an edited message is a sibling with an answer of its own; arrows choose", { skip }, async () => {
  await messageField(page).press("ArrowUp");
  const form = page.getByRole("textbox", { name: "The changed message" });
  assert.equal(await form.inputValue(), "And then?");
  await form.fill("Why?");
  await form.press("Enter");
  await untilDone(page);
  const first = await answerTo([user("Tell me a story.")]);
  const why = await answerTo([user("Tell me a story."), first, user("Why?")]);
  assert.deepEqual(
    await shown(),
    [first, why].map(({ content }) => plain(content)),
  );
  assert.equal(await page.locator(".siblings").textContent(), "2/2");
  await button(page, "Version before").click();
  await drawn(page);
  assert.equal(await page.locator(".turn.is-user .plain").last().textContent(), "And then?");
  assert.equal(await page.locator(".siblings").textContent(), "1/2");
});

test("answering again makes a sibling; a changed answer is what the model sees", { skip }, async () => {
  await button(page, "Answer again").last().click();
  await untilDone(page);
  assert.equal(await page.locator(".turn.is-assistant .siblings").last().textContent(), "2/2");
  await button(page, "Change the answer").last().click();
  await page.getByRole("textbox", { name: "The changed answer" }).fill("Nothing at all.");
  await button(page, "Keep").click();
  await sendMessage(page, "Really?");
  const first = await answerTo([user("Tell me a story.")]);
  const changed = { role: "assistant", content: "Nothing at all." };
  const last = await answerTo([user("Tell me a story."), first, user("And then?"), changed, user("Really?")]);
  assert.equal((await shown()).at(-1), plain(last.content));
});

test("an answer that has reached its length continues where it was cut", { skip }, async () => {
  await button(page, "New").click();
  await sendMessage(page, "Tell me a story.");
  assert.match((await page.locator(".turn-actions").last().textContent()) ?? "", /has reached its length/);
  await button(page, "Continue").click();
  await untilDone(page);
  const whole = await answerTo([user("Tell me a story.")], { max_tokens: 2 * LENGTH });
  assert.deepEqual(await shown(), [plain(whole.content)]);
});

test("Remove from here takes a turn and what follows; a message without an answer gets one", { skip }, async () => {
  const before = await shown();
  await button(page, "Remove from here").last().click();
  await drawn(page);
  assert.equal(await turns(), 1);
  await button(page, "Undo").click();
  await drawn(page);
  assert.deepEqual(await shown(), before);
  await button(page, "Remove from here").last().click();
  await button(page, "Answer this").click();
  await untilDone(page);
  assert.ok(before[0]!.startsWith((await shown())[0]!));
});

test("a conversation that fills the context says so, and leaves out its oldest turns when asked", {
  skip,
}, async () => {
  await button(page, "New").click();
  const long = "The cat and the dog went to the park and played with a ball. ".repeat(3);
  await sendMessage(page, long);
  await sendMessage(page, long);
  await sendMessage(page, long);
  const state = page.locator(".state.is-problem");
  assert.match(
    (await state.textContent()) ?? "",
    /more than the model's context holds\. It has \d+ tokens, and there is room for 160/,
  );
  assert.equal((await shown()).length, 2);
  await button(page, "Leave out the oldest turns").click();
  await untilText(async () => String((await answers(page)).length), "3");
  await untilDone(page);
  assert.equal(await state.count(), 0);
  assert.ok((await page.locator(".turn.is-left-out").count()) >= 2);
  assert.match((await page.locator(".turn.is-left-out").first().textContent()) ?? "", /not sent to the model/);
  await button(page, "Send all again").click();
  await drawn(page);
  assert.equal(await page.locator(".turn.is-left-out").count(), 0);
});

test("Esc stops an answer; what came is kept, and a reload keeps it too", { skip }, async () => {
  await button(page, "New").click();
  await setParameters(page, { Length: "" });
  await messageField(page).fill("Tell me a story.");
  await messageField(page).press("Enter");
  await untilText(async () => (await shown()).join(), /\w{2}/);
  await page.keyboard.press("Escape");
  await untilDone(page);
  const kept = await shown();
  assert.match((await page.locator(".turn-actions").last().textContent()) ?? "", /was stopped/);
  await messageField(page).fill("a draft");
  await page.reload();
  await untilText(async () => (await shown()).join(), kept.join());
  assert.equal(await messageField(page).inputValue(), "a draft");
  assert.equal((await server!.counts()).running, 0);
});

test("a reload in the middle of an answer keeps what came, and it continues", { skip }, async () => {
  await button(page, "New").click();
  await messageField(page).fill("Tell me a long story.");
  await messageField(page).press("Enter");
  await untilText(async () => (await shown()).join(), /\w{12}/);
  const [before] = await shown();
  await page.reload();
  await untilText(async () => (await shown()).join(), /\w/);
  const [part] = await shown();
  assert.ok(part!.startsWith(before!));
  await button(page, "Continue").click();
  await untilDone(page);
  const whole = await answerTo([user("Tell me a long story.")], { max_tokens: undefined });
  assert.equal((await shown()).join().startsWith(part!), true);
  assert.deepEqual(await shown(), [plain(whole.content)]);
});

test("what the model got is shown as tokens, those of the chat format too", { skip }, async () => {
  await button(page, "What the model got").last().click();
  const dialog = page.getByRole("dialog", { name: "What the model got" });
  await dialog.locator(".token").first().waitFor();
  const text = (await dialog.locator(".token").allTextContents()).join("");
  assert.match(text, /\[INST\] Tell me a long story\. \[\/INST\]/);
  await button(page, "Close").click();
});

test("curl for this asks the same", { skip }, async () => {
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await button(page, "New").click();
  await messageField(page).fill("it's a draft");
  await button(page, "Copy curl for this").click();
  const line = await page.evaluate<string>("navigator.clipboard.readText()");
  assert.ok(line.startsWith(`curl ${server!.url}/v1/chat/completions --json '{`), line);
  const body = JSON.parse(/'(.*)'$/s.exec(line)![1]!.replaceAll("'\\''", "'"));
  assert.deepEqual(body.messages.at(-1), user("it's a draft"));
  assert.equal((await server!.json("/v1/chat/completions", { ...body, max_tokens: 1 })).status, 200);
  assert.deepEqual(await offences(), []);
});

lastly(() => browser?.close());
