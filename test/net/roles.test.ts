/** The roles of docs/scale-out.md on every server here: each can do its work, and nothing of the others'. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { nkeys } from "@nats-io/nats-core";
import { WorkLoop } from "../../src/cli/commands/worker/work-loop.js";
import { encodeBody } from "../../src/cli/queue/request-body.js";
import { ServiceWorker } from "../../src/cli/queue/service-worker.js";
import { answerStatus, askWorkers } from "../../src/cli/queue/worker-status.js";
import { LlamaError } from "../../src/error.js";
import { TextModel } from "../../src/generation/completion/text-model.js";
import { demoModel, Llama } from "../../src/index.js";
import { connect, type Net } from "../../src/net/nats/net.js";
import { newJob, queueModel } from "../../src/net/queue/layout.js";
import { QueueJob } from "../../src/net/queue/queue-job.js";
import { RequestSource } from "../../src/net/queue/request-source.js";
import { QueueModel } from "../../src/server/front/queue-model.js";
import { documentBlock, NatsServer, natsBinaries, withoutNats } from "./nats-server.js";

const ROLES = ["WORKER", "SUBMIT", "FRONT"] as const;
type Role = (typeof ROLES)[number];

const pairs = new Map(ROLES.map((role) => [role, nkeys.createUser()]));
const seedOf = (role: Role) => new TextDecoder().decode(pairs.get(role)!.getSeed());

/** The authorization of the page, with keys in the place of names. */
function documentedRules(): string {
  const block = documentBlock("scale-out.md", "conf", "authorization");
  const rules = block.slice(block.indexOf("authorization {"));
  return ROLES.reduce(
    (text, role) => text.replace(`nkey: U${role}`, `nkey: ${pairs.get(role)!.getPublicKey()}`),
    rules,
  );
}

describe("roles", { skip: withoutNats }, () => {
  let llama: Llama;
  let text: TextModel;

  before(async () => {
    llama = await Llama.build({ ...demoModel, nprocPerNode: 1 });
    text = await TextModel.open(demoModel);
  });
  after(() => Promise.all([llama.close(), text.close()]));

  for (const binary of natsBinaries) {
    test(`with nats-server ${binary.version}`, async () => {
      await using server = await NatsServer.start({ binary, rules: documentedRules() });
      const open = (role: Role) => connect({ servers: [server.url], name: role, nkeySeed: seedOf(role) });
      const [worker, submit, front] = await Promise.all([open("WORKER"), open("SUBMIT"), open("FRONT")]);
      const model = queueModel(text.fingerprint(), text.dtype);

      const trouble: string[] = [];
      const tell = (event: { kind: string; error?: LlamaError }) => {
        if (event.error) trouble.push(event.error.message);
      };
      const control = new AbortController();
      const source = await RequestSource.open(worker, model, tell);
      const loop = new WorkLoop(llama, source, {
        concurrency: 4,
        drainMs: 2000,
        signal: control.signal,
        onDone: () => {},
      });
      const service = await ServiceWorker.open({
        ...{ net: worker, llama, model, room: loop.room.bind(loop), begin: loop.begin.bind(loop) },
        ...{ onEvent: tell, onFailure: loop.fail.bind(loop) },
      });
      const counts = { running: 0, rows: 4, tokens: 0, seconds: 0 };
      void answerStatus(worker, () => ({ model, dtype: "fp32", version: "1", ...counts }));
      const running = loop.run();

      await submits(submit, model);
      assert.deepEqual(
        (await askWorkers(submit, 200)).map((one) => one.model),
        [model],
      );
      const queue = await QueueModel.open({ text, net: front, model, maxQueue: 10, queueTimeoutMs: 0 });
      const ids = (await text.encodePrompt({ prompt: "Once upon a time" })).ids;
      const request = { prompt: ids, stopIds: [], cacheSalt: "", client: "", maxGenLen: 3, temperature: 0 };
      let answer = "";
      for await (const event of queue.submit({ ...request, signal: new AbortController().signal })) {
        if (event.kind === "end") answer = event.completion.text;
      }
      assert.equal(answer, ", there was");
      // One that is left is removed from the queue, or from the worker.
      for await (const event of queue.submit({ ...request, maxGenLen: 400, signal: new AbortController().signal })) {
        if (event.kind === "token") break;
      }

      await refuses(worker, submit, front, model);
      control.abort();
      await running;
      await service.close(AbortSignal.abort());
      assert.deepEqual(trouble, []);
      await assert.rejects(connect({ servers: [server.url], name: "none" }), /the server refuses the key/);
      const other = new TextDecoder().decode(nkeys.createUser().getSeed());
      await assert.rejects(connect({ servers: [server.url], name: "other", nkeySeed: other }), /refuses the key/);
      await Promise.all([worker.close(), submit.close(), front.close()]);
    });
  }
});

async function submits(net: Net, model: string): Promise<void> {
  const job = newJob();
  const options = { maxGenLen: 3, temperature: 0, seed: 1 };
  const fields = { request: { prompt: "Once upon a time" }, options, chat: "auto" };
  async function* requests() {
    for (const line of [1, 2]) {
      const origin = { line, id: `${line}` };
      yield { line, origin, data: encodeBody({ kind: "batch", origin, fields }) };
    }
  }
  const texts: string[] = [];
  const end = await QueueJob.run(net, {
    ...{ model, job, requests: requests(), signal: new AbortController().signal },
    take: async (answers) => {
      for (const { data } of answers) texts.push(JSON.parse(new TextDecoder().decode(data)).text);
    },
    refuse: async (_, error) => {
      throw error;
    },
  });
  assert.equal(end, "complete");
  assert.deepEqual(texts, [", there was", ", there was"]);
  await QueueJob.remove(net, job);
  assert.deepEqual(await (await net.streams()).streamNames("lts.ans.>"), []);
}

/** What belongs to others. */
async function refuses(worker: Net, submit: Net, front: Net, model: string): Promise<void> {
  const denied = async (net: Net, action: (net: Net) => Promise<unknown>) => {
    await assert.rejects(action(net), (error: unknown) => {
      assert.ok(error instanceof LlamaError && error.kind === "usage", `${error}`);
      assert.match(error.message, /this key may not (publish|subscribe) to \S+\. Give its user the permission/);
      return true;
    });
  };
  const store = (subject: string) => async (net: Net) => (await net.streams()).store(subject, new Uint8Array(2));
  const listen = (subject: string) => async (net: Net) => {
    for await (const _ of net.subscribe(subject)) throw new Error("a message came");
  };
  await Promise.all([
    denied(worker, store(`lts.req.${model}.0123456789abcdef.1`)),
    denied(worker, store(`lts.now.${model}.f1.1`)),
    denied(worker, async (net) => (await net.streams()).deleteStream(`LTS_REQ_${model}`)),
    denied(worker, listen("lts.tok.>")),
    denied(submit, store("lts.ans.0123456789abcdef.1")),
    denied(submit, store(`lts.now.${model}.f1.1`)),
    denied(submit, listen("lts.tok.>")),
    denied(front, store(`lts.req.${model}.0123456789abcdef.1`)),
    denied(front, store("lts.ans.0123456789abcdef.1")),
    denied(front, async (net) => (await net.streams()).deleteStream(`LTS_REQ_${model}`)),
  ]);
}
