/** `serve --queue`: a server without a model answers by workers over a real NATS server, as if it had the model; faults on the way are survived. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { queueNetOptions } from "../../src/cli/queue/net-options.js";
import { ServiceWorker } from "../../src/cli/queue/service-worker.js";
import { TextModel } from "../../src/generation/completion/text-model.js";
import { demoModel, Llama } from "../../src/index.js";
import { connect, type Net } from "../../src/net/nats/net.js";
import { queueModel } from "../../src/net/queue/layout.js";
import { SERVICE_CONSUMER, serviceStream } from "../../src/server/front/service-queue.js";
import { readEvents } from "../server/read-events.js";
import { type Json, type ServerProcess, startServer } from "../server/server-process.js";
import { NatsServer, withoutNats } from "./nats-server.js";

const PROMPT = "Once upon a time";
/** Short, so that a lost worker's request comes again soon. */
const ACK_WAIT_MS = 700;

describe("a front", { skip: withoutNats }, () => {
  /** What one `before` makes for all. */
  let nats: NatsServer;
  let front: ServerProcess;
  let own: ServerProcess;
  let llama: Llama;
  let model: string;

  const connection = (name = "worker") => connect(queueNetOptions({ queue: nats.url }, {}, name).options);

  async function startWorker(net: Net, rows = 8) {
    let running = 0;
    let wake: () => void = () => {};
    const events: string[] = [];
    const service = await ServiceWorker.open({
      ...{ net, llama, model },
      room: async () => {
        while (running >= rows) await new Promise<void>((resolve) => (wake = resolve));
      },
      begin: () => {
        running++;
        return () => {
          running--;
          wake();
        };
      },
      onEvent: (event) => events.push(event.kind === "trouble" ? `${event.error.message}` : event.kind),
      onFailure: (error) => events.push(`failure: ${error}`),
    });
    const stop = async () => {
      await service.close(AbortSignal.timeout(5000));
      await net.close();
    };
    return { net, service, events, stop };
  }

  test("starts without a model, and a worker answers", async () => {
    nats = await NatsServer.start();
    llama = await Llama.build({ ...demoModel, nprocPerNode: 1 });
    const text = await TextModel.open(demoModel);
    model = queueModel(text.fingerprint(), text.dtype);
    await text.close();
    const net = await connection();
    const streams = await net.streams();
    await streams.ensureStream(serviceStream(model));
    await streams.ensureConsumer(serviceStream(model).name, { ...SERVICE_CONSUMER, ackWaitMs: ACK_WAIT_MS });
    const args = ["--log_format", "none", "--chat", "llama2", "--no_web"];
    [front, own] = await Promise.all([
      startServer([...args, "--queue", nats.url, "--queue_timeout", "1.5", "--max_queue", "3"]),
      startServer([...args, "--nproc_per_node", "1"]),
    ]);
    assert.match(front.stderr(), /^Ready: requests go to nats:\S+, to workers of model [0-9a-f]{16} \(fp32\)\.$/m);

    const worker = await startWorker(net);
    for (const [path, body] of [
      ["/v1/completions", { prompt: PROMPT, seed: 7, max_tokens: 20, logprobs: 2 }],
      ["/v1/completions", { prompt: [PROMPT, "The sun"], n: 2, seed: 3, max_tokens: 6, echo: true, logprobs: 1 }],
      ["/v1/completions", { prompt: PROMPT, seed: 7, max_tokens: 60, stop: [" a", "."], logit_bias: { 261: -100 } }],
      ["/v1/chat/completions", { messages: [{ role: "user", content: "Hi" }], seed: 1, max_tokens: 8 }],
      ["/api/generate", { prompt: PROMPT, options: { seed: 2, num_predict: 5 }, stream: false }],
      ["/tokenize", { content: PROMPT }],
      ["/v1/completions", { prompt: PROMPT, max_tokens: 5, temperature: -1 }],
      ["/v1/completions", { prompt: "x ".repeat(5000), max_tokens: 5 }],
    ] as const) {
      const [one, other] = await Promise.all([front.json(path, body), own.json(path, body)]);
      assert.deepEqual(plain(one), plain(other), `${path} ${JSON.stringify(body).slice(0, 100)}`);
    }
    const stream = { prompt: PROMPT, seed: 5, max_tokens: 24, stream: true, stop: "dog", logprobs: 1 };
    const events = async (server: ServerProcess) => (await readEvents(server, "/v1/completions", stream)).map(plain);
    assert.deepEqual(await events(front), await events(own));
    await worker.stop();
    assert.deepEqual([...new Set(worker.events)], ["done"]);
  });

  test("without a worker a request waits, and is then refused with 429, as are those that find the queue full", async () => {
    const post = (body: object) =>
      fetch(`${front.url}/v1/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ prompt: PROMPT, max_tokens: 2, ...body }),
      });
    const waiting = [post({}), post({}), post({})];
    await until(async () => (await front.counts()).waiting === 3);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const full = await post({});
    assert.equal(full.status, 429);
    assert.ok(Number(full.headers.get("retry-after")) >= 1);
    assert.match(((await full.json()) as Json).error.message, /^The queue is full: 3 requests wait for a worker$/);
    for (const late of await Promise.all(waiting)) {
      assert.equal(late.status, 429);
      assert.match(((await late.json()) as Json).error.message, /^No worker has taken the request within 1\.5 s$/);
    }
    const streamed = await post({ stream: true });
    assert.equal(streamed.status, 200);
    assert.match(await streamed.text(), /^data: \{"error":\{"message":"No worker has taken/m);
  });

  test("a client that leaves ends the work of the worker", async () => {
    const worker = await startWorker(await connection());
    const control = new AbortController();
    const body = JSON.stringify({ prompt: PROMPT, max_tokens: 400, stream: true, logit_bias: forever() });
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${front.url}/v1/completions`, {
      method: "POST",
      headers,
      body,
      signal: control.signal,
    });
    await response.body!.getReader().read();
    await until(() => llama.requestCounts.running === 1);
    control.abort();
    await until(() => llama.requestCounts.running === 0 && worker.service.running === 0);
    // What timed out in the test before was removed without being run.
    await until(
      async () => (await (await worker.net.streams()).streamState(serviceStream(model).name))!.messages === 0,
    );
    await worker.stop();
  });

  test("a worker that is lost in the middle of a text: another one writes on, with no token twice or missing", async () => {
    const body = { prompt: PROMPT, seed: 11, max_tokens: 200, stream: true, temperature: 0.8, logit_bias: forever() };
    const expected = textOf(await readEvents(own, "/v1/completions", body));
    const first = await startWorker(await connection());
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${front.url}/v1/completions`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    const reader = response.body!.getReader();
    let text = new TextDecoder().decode((await reader.read()).value);
    // Its connection ends without a word.
    await first.net.close();
    const second = await startWorker(await connection());
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      text += new TextDecoder().decode(value);
    }
    const events = [...text.matchAll(/^data: (\{.*)$/gm)].map(([, one]) => JSON.parse(one!));
    assert.equal(textOf(events), expected, text.slice(-500));
    await first.service.close(AbortSignal.abort());
    await second.stop();
  });

  test("a server that is killed and has lost its memory: what was asked for before is answered after", async () => {
    const worker = await startWorker(await connection(), 1);
    const body = { prompt: PROMPT, seed: 12, max_tokens: 60, logit_bias: forever() };
    const expected = (await own.json("/v1/completions", body)).body.choices[0].text;
    const slow = await startServer(["--log_format", "none", "--queue", nats.url, "--queue_timeout", "0", "--no_web"]);
    const answers = [1, 2].map(() => slow.json("/v1/completions", body));
    await until(() => llama.requestCounts.running === 1);
    await nats.kill();
    assert.equal((await slow.json("/v1/completions", body)).status, 503);
    await nats.restart();
    for (const { status, body } of await Promise.all(answers)) {
      assert.equal(status, 200, JSON.stringify(body));
      assert.equal(body.choices[0].text, expected);
    }
    await worker.stop();
    slow.child.kill("SIGTERM");
    assert.equal(await slow.ended(), 0);
  });

  test("strange messages from somebody with a key are passed over", async () => {
    const net = await connection("stranger");
    const streams = await net.streams();
    // The server that was killed may have lost it.
    await streams.ensureStream(serviceStream(model));
    await streams.ensureConsumer(serviceStream(model).name, SERVICE_CONSUMER);
    const text = new TextEncoder();
    const odd = ["", "{", "[]", '{"v":1}', '{"v":1,"attempt":1,"n":0,"kind":"end"}', "\0\xff", "9".repeat(100_000)];
    const huge = { v: 1, round: 1, promptIds: [1e9, -1], stopIds: [], cacheSalt: "", client: "", options: {} };
    const worker = await startWorker(await connection());
    const names = [...odd, JSON.stringify({ ...huge, promptIds: ["a"] }), JSON.stringify(huge)].map(
      async (body, i) => await streams.store(`lts.now.${model}.stranger.${i}`, text.encode(body)),
    );
    assert.ok((await Promise.all(names)).every((stored) => stored === "stored"));
    await streams.store(`lts.now.${model}.a.b.c`, text.encode("{}"));
    await until(async () => (await streams.streamState(serviceStream(model).name))!.messages === 0);
    const seen = net.subscribe("lts.tok.>");
    await net.flush();
    const slow = front.json("/v1/completions", { prompt: PROMPT, max_tokens: 30, seed: 1, logit_bias: forever() });
    void (async () => {
      for await (const { subject } of seen) {
        for (const body of odd) net.publish(subject, text.encode(body));
        net.publish("lts.tok.f.x.y", text.encode("{}"));
        net.publish("lts.cancel.f", text.encode("x"));
        seen.close();
      }
    })();
    const { status, body } = await slow;
    assert.equal(status, 200, JSON.stringify(body));
    await until(async () => (await streams.streamState(serviceStream(model).name))!.messages === 0);
    assert.ok(worker.events.includes("strange"));
    assert.ok(
      worker.events.every((event) => ["strange", "done"].includes(event)),
      worker.events.join(),
    );
    await worker.stop();
    await net.close();
  });

  test("ends in order", async () => {
    for (const server of [front, own]) server.child.kill("SIGTERM");
    assert.deepEqual(await Promise.all([front.ended(), own.ended()]), [0, 0]);
  });

  after(async () => {
    await llama?.close();
    await nats?.kill();
  });

  /** Biases without which a text may end by itself. */
  function forever() {
    return Object.fromEntries([...llama.tokenizer.stopIds].map((id) => [id, -100]));
  }
});

/** Without what differs between two runs. */
function plain(value: Json): unknown {
  return JSON.parse(JSON.stringify(value), (key, item) =>
    /^(id|created|system_fingerprint|timings|created_at|.*_duration|stream_id)$/.test(key) ? undefined : rounded(item),
  );
}

/** The last bits depend on what else runs in a step. */
function rounded(item: unknown): unknown {
  return typeof item === "number" ? Math.round(item * 1000) / 1000 : item;
}

function textOf(events: Json[]): string {
  return events.map(({ choices }) => choices?.[0]?.text ?? "").join("");
}

async function until(holds: () => boolean | Promise<boolean>, milliseconds = 10_000): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`does not hold: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
