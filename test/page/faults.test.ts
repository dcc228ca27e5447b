/** Streams that are slow, broken or dying, and every state of the server: the page says so in words and keeps what it has. */
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { lastly } from "../lastly.js";
import { startServer } from "../server/server-process.js";
import { skip, startBrowser, type Visit, visit } from "./browser.js";
import { openStream, type Script, startScripted } from "./scripted-server.js";
import { answers, button, messageField, sendMessage, untilDone, untilText } from "./user.js";

const browser = await startBrowser();
const real =
  browser &&
  (await startServer(["--chat", "llama2", "--log_format", "none", "--nproc_per_node", "1", "--temperature", "0"]));
const server = real && (await startScripted(real));
const { page, offences }: Visit = browser && server ? await visit(browser, `${server.url}/`) : ({} as Visit);

type Stream = ReturnType<typeof openStream>;
const states = () => page.locator(".states");
const says = (text: RegExp) => states().filter({ hasText: text }).waitFor();
const lastAnswer = async () => (await answers(page)).at(-1) ?? "";

/** Answers completions with this. */
function stream(write: (stream: Stream, response: ServerResponse) => void): Script {
  return (path, _, response) => {
    if (path !== "/v1/completions") return false;
    write(openStream(response), response);
    return true;
  };
}

/** Answers paths with an error of the server. */
function refuse(paths: readonly string[], status: number, error: Record<string, unknown>, headers = {}): Script {
  return (path, _, response) => {
    if (!paths.includes(path)) return false;
    const body = JSON.stringify({ error: { message: "No", type: "server_error", param: null, ...error } });
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
    return true;
  };
}

/** Sends a message whose answer does not end. */
async function begin(text: string): Promise<void> {
  await messageField(page).fill(text);
  await messageField(page).press("Enter");
}

test("a stream in odd pieces is the same answer", { skip }, async () => {
  await button(page, "Chat").click();
  server!.script = stream((to, response) => {
    const text = JSON.stringify({
      choices: [{ index: 0, text: "é – 🙂", logprobs: null, finish_reason: null }],
    });
    const bytes = Buffer.from(`: ping\n\n\n\ndata: ${text}\r\n\r\ndata:${text}\n\nevent: other\nid: 7\n\n`);
    for (const byte of bytes) response.write(Buffer.from([byte]));
    to.end();
  });
  await sendMessage(page, "Hello");
  await untilText(lastAnswer, "é – 🙂é – 🙂");
});

test("an answer that breaks off is kept, and continues", { skip }, async () => {
  server!.script = stream((to, response) => {
    to.piece("Half an");
    setTimeout(() => response.destroy(), 50);
  });
  await sendMessage(page, "Break off");
  await says(/broke off/);
  assert.equal(await lastAnswer(), "Half an");
  server!.script = stream((to) => {
    to.piece(" answer");
    to.end();
  });
  await button(page, "Continue").click();
  await untilDone(page);
  await untilText(lastAnswer, "Half an answer");
});

test("a stream that ends without its last event, a broken event, an error event: said, never taken for an answer", {
  skip,
}, async () => {
  for (const [bytes, words] of [
    ["", /broke off/],
    ["data: [DONE]\n\n", /broke off|cannot be read|without/],
    ["data: {\n\n", /cannot be read/],
    ["data: 5\n\n", /cannot be read/],
    ['data: {"choices": [{"index": 0}]}\n\n', /without text/],
    ['data: {"error": {"message": "A rank has failed", "code": "engine_failed"}}\n\n', /failed/],
  ] as const) {
    server!.script = stream((to, response) => {
      to.piece("Part");
      to.raw(bytes);
      response.end();
    });
    await sendMessage(page, "Broken");
    await says(words);
    assert.equal(await lastAnswer(), "Part", bytes);
  }
  await button(page, "Try again").waitFor();
});

test("Esc stops a stream that stalls; what came is kept", { skip }, async () => {
  let isCut = false;
  server!.script = stream((to, response) => {
    to.piece("Slow");
    response.on("close", () => {
      isCut = !response.writableFinished;
    });
  });
  await begin("Stall");
  await untilText(lastAnswer, "Slow");
  await page.keyboard.press("Escape");
  await untilDone(page);
  assert.equal(await lastAnswer(), "Slow");
  await page.getByText("The answer was stopped.").waitFor();
  await untilText(async () => String(isCut), "true");
});

test("the queue, the prompt and the speed are shown while they last", { skip }, async () => {
  let to: Stream | undefined;
  server!.script = stream((one) => {
    to = one;
    one.event({ choices: [], queue: { position: 2, of: 5 } });
  });
  await begin("Wait");
  await page.getByText("Place 3 of 5 in the queue").waitFor();
  to!.event({ choices: [], prompt_progress: { total: 40, cache: 8, processed: 20, time_ms: 5 } });
  await page.getByText("Reading the prompt: 20 of 40").waitFor();
  assert.equal(await page.getByRole("progressbar", { name: "Prompt read" }).getAttribute("value"), "20");
  for (let i = 0; i < 8; i++) {
    to!.piece("a ", {});
    await new Promise((done) => setTimeout(done, 50));
  }
  const gauge = (name: string) =>
    page.locator(".gauges dl > div").filter({ hasText: name }).locator("dd").textContent();
  await untilText(async () => (await gauge("Reused")) ?? "", "8");
  await untilText(async () => (await gauge("Speed")) ?? "", /^\d+(\.\d)? tokens\/s$/);
  await page.getByText("48 of 512").waitFor();
  to!.end();
  await untilDone(page);
});

test("a busy server is asked again when it said", { skip }, async () => {
  let tries = 0;
  const busy = refuse(["/v1/completions"], 503, { code: "overloaded" }, { "retry-after-ms": "200" });
  const good = stream((to) => {
    to.piece("At last");
    to.end();
  });
  server!.script = (...request) => {
    if (request[0] === "/v1/completions") tries++;
    return (tries < 3 ? busy : good)(...request);
  };
  await begin("Busy");
  await says(/The server is busy/);
  await untilText(lastAnswer, "At last");
  assert.equal(tries, 3);
});

test("loading, ending, failed and gone are said; the draft stays, and the page finds the server again", {
  skip,
}, async () => {
  await messageField(page).fill("A draft");
  const all = ["/health", "/props", "/v1/completions", "/apply-template", "/tokenize"];
  const look = () => page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
  server!.script = refuse(all, 503, { code: "draining" });
  await look();
  await says(/The server is ending/);
  server!.script = refuse(all, 503, { code: "engine_failed" });
  await look();
  await says(/The model has failed/);
  server!.script = refuse(all, 503, { code: "loading", progress: { bytes: 30, total: 120 } });
  await look();
  await says(/The model is loading: 25 %/);
  assert.equal(await button(page, "Send").isDisabled(), true);
  server!.script = null;
  await server!.die();
  await look();
  await says(/does not answer/);
  assert.equal(await messageField(page).inputValue(), "A draft");
  await server!.rise();
  await states().filter({ hasNotText: /./ }).waitFor({ state: "attached" });
  await button(page, "Send").click();
  await untilDone(page);
  assert.notEqual(await lastAnswer(), "");
});

test("a server with keys asks for one, and takes it for this tab alone", { skip }, async () => {
  const open = ["/", "/health"];
  server!.script = (path, _, response) => {
    const isOpen = open.includes(path) || path.startsWith("/page/");
    if (isOpen || response.req.headers.authorization === "Bearer right") return false;
    return refuse([path], 401, { code: "invalid_api_key" })(path, _, response);
  };
  await page.reload();
  await page.getByLabel("This server wants a key:").fill("wrong");
  await button(page, "Use it").click();
  await page.getByLabel("The key is wrong. Another one:").fill("right");
  await button(page, "Use it").click();
  await page.locator(".key-form").waitFor({ state: "detached" });
  await page.getByText("demo").first().waitFor();
  assert.deepEqual(await page.evaluate("JSON.stringify(localStorage)"), "{}");
  assert.deepEqual(await offences(), []);
});

lastly(() => browser?.close());
