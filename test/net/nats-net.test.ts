/** A connection against real servers of every version here: messages, requests, buckets, reconnecting, refusals. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LlamaError } from "../../src/error.js";
import { connect, type Net } from "../../src/net/nats/net.js";
import { NoAnswer, NoResponders } from "../../src/net/nats/net-error.js";
import { NatsServer, natsBinaries, withoutNats } from "./nats-server.js";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);
const open = (server: NatsServer, more: object = {}) =>
  connect({ servers: [server.url], name: "test", pingMs: 1000, ...more });

test("a server that is not there is named at once", async () => {
  await assert.rejects(
    connect({ servers: ["nats://127.0.0.1:1"], name: "test" }),
    /^LlamaError: nats:\/\/127\.0\.0\.1:1: no NATS server can be reached \(.*\)\. Start nats-server there, or check host and port$/,
  );
});

for (const binary of natsBinaries) {
  test(`messages, requests, buckets and a restart with nats-server ${binary.version}`, async (t) => {
    await using server = await NatsServer.start({ binary });
    const one = await open(server);
    const two = await open(server);
    t.after(() => Promise.all([one.close(), two.close()]));
    assert.equal(one.serverVersion, binary.version);
    assert.equal(one.maxPayload, 2 ** 20);
    await messages(one, two);
    await buckets(one, two);

    const seen: string[] = [];
    const back = new Promise<void>((resolve) => {
      two.onStatus((status) => {
        seen.push(status);
        if (status === "reconnected") resolve();
      });
    });
    const echo = two.subscribe("echo");
    void (async () => {
      for await (const message of echo) message.respond(message.data);
    })();
    await two.flush();
    await server.kill();
    await server.restart();
    await back;
    assert.deepEqual(seen, ["disconnected", "reconnected"]);
    // The other connection may still be looking for the server.
    let answer: string | null = null;
    while (answer === null) {
      answer = await one.request("echo", bytes("again"), 500).then(
        ({ data }) => text(data),
        () => null,
      );
    }
    assert.equal(answer, "again");
    const bucket = await one.bucket("group");
    assert.equal(text((await bucket.get("b"))!.data), "2");
  });
}

async function messages(one: Net, two: Net): Promise<void> {
  await assert.rejects(one.request("nobody", bytes(""), 5000), (error) => error instanceof NoResponders);
  const silent = two.subscribe("silent");
  await two.flush();
  await assert.rejects(one.request("silent", bytes(""), 50), (error) => error instanceof NoAnswer);
  silent.close();

  const numbers = two.subscribe("numbers.*");
  await two.flush();
  const sent = Float32Array.from({ length: 250_000 }, (_, index) => index / 3);
  one.publish("numbers.1", new Uint8Array(sent.buffer), { headers: { "lts-part": "1 of 1" }, reply: "back" });
  for await (const { subject, data, headers, reply } of numbers) {
    assert.equal(subject, "numbers.1");
    assert.equal(headers["lts-part"], "1 of 1");
    assert.equal(reply, "back");
    assert.deepEqual(new Float32Array(data.slice().buffer), sent);
    numbers.close();
  }
  assert.throws(
    () => one.publish("numbers.1", new Uint8Array(2 ** 20 + 1)),
    /too large for the server.*at most 1048576/,
  );
  await assert.rejects(one.request("numbers.1", new Uint8Array(2 ** 21), 100), LlamaError);
}

async function buckets(one: Net, two: Net): Promise<void> {
  const [mine, theirs] = [await one.bucket("group"), await two.bucket("group")];
  const revision = await mine.create("a", bytes("1"));
  assert.equal(await theirs.create("a", bytes("2")), null);
  assert.equal(await theirs.update("a", bytes("3"), revision! + 7), null);
  assert.ok((await theirs.update("a", bytes("3"), revision!))! > revision!);
  await theirs.put("b", bytes("1"));
  const changes: string[] = [];
  for await (const { key, data } of mine.watch()) {
    changes.push(`${key}=${data && text(data)}`);
    if (changes.length === 2) {
      await theirs.put("b", bytes("2"));
      await theirs.delete("a");
    }
    if (changes.length === 4) break;
  }
  assert.deepEqual(changes, ["a=3", "b=1", "b=2", "a=null"]);
  assert.equal(await mine.get("a"), null);
  assert.notEqual(await mine.create("a", bytes("4")), null);
}

test("a wrong token, a missing store and a stop before the connection are refusals", {
  skip: withoutNats,
}, async () => {
  await using server = await NatsServer.start({ token: "right", jetstream: false });
  await assert.rejects(open(server, { token: "wrong" }), /the server refuses the key/);
  await assert.rejects(open(server), /the server refuses the key/);
  await assert.rejects(open(server, { tls: {} }), /TLS with the server fails/);
  await assert.rejects(open(server, { signal: AbortSignal.abort(new Error("stopped")) }), /stopped/);
  const net = await open(server, { token: "right" });
  await assert.rejects(net.streams(), /stores no messages.*Start nats-server with JetStream/);
  await assert.rejects(net.bucket("group"), /stores no messages/);
  await net.close();
  assert.throws(() => net.publish("a", bytes("")), /the connection is closed/);
});
