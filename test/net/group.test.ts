/** Groups of hosts on a real server: joining, refusals, epochs after losses, ends; and what strangers send. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { nkeys } from "@nats-io/nats-core";
import { LlamaError } from "../../src/error.js";
import { connect } from "../../src/net/nats/net.js";
import { ROOT } from "../documents/blocks.js";
import { Echo, follow, join as joinGroup, lead, members, Ring } from "./group-members.js";
import { NatsServer, natsBinaries, withoutNats } from "./nats-server.js";

test("groups of hosts", { skip: withoutNats, concurrency: 8 }, async (t) => {
  await using server = await NatsServer.start();
  await using _ = members;
  const { url } = server;
  const three = { nodes: { least: 3, most: 3 } };

  const cases: [string, (id: string) => Promise<void>][] = [];
  const holds = (name: string, run: (id: string) => Promise<void>) => cases.push([name, run]);

  holds("messages go round the ring in order, and all end with node 0", async (id) => {
    const zero = await joinGroup(url, id, { ...three, rank: 0 });
    const others = [await joinGroup(url, id, three), await joinGroup(url, id, three)];
    assert.deepEqual(
      others.map(({ member }) => member.record.rank),
      [1, 2],
    );
    const ends = others.map((one) => follow(one));
    const { leader, ring } = await lead(zero);
    for (let i = 0; i < 500; i++) ring.link.send(Uint8Array.from([i % 200]));
    for (let i = 0; i < 500; i++) assert.deepEqual([...(await ring.next())], [i % 200, 1, 2]);
    ring.link.send(new Uint8Array(ring.link.maxMessage - 2));
    assert.equal((await ring.next()).byteLength, ring.link.maxMessage);
    await leader.end(null);
    assert.deepEqual(await Promise.all(ends), [null, null]);
  });

  holds("hosts that differ are refused everywhere, with both values", async (id) => {
    const equal = { version: "1", dtype: "int8" };
    const zero = await joinGroup(url, id, { rank: 0, equal });
    const end = follow(await joinGroup(url, id, { host: "there", equal: { ...equal, dtype: "int4" } }));
    const error = await lead(zero).then(
      () => assert.fail(),
      (thrown) => thrown,
    );
    assert.match(
      error.message,
      /node 1 \(there\): the hosts do not have the same dtype; expected int8 as node 0 \(here\), found int4/,
    );
    const refused = await end;
    assert.match(refused!.message, /node 0 refuses this host: .*expected int8 .* found int4/);
    assert.equal(refused!.kind, "usage");
    const { Leader } = await import("../../src/net/group/leader.js");
    await new Leader(zero.member).end(error);
  });

  holds("a killed host is noticed, and a spare takes its place", async (id) => {
    const options = { nodes: { least: 2, most: 3 }, maxRestarts: 1 };
    const zero = await joinGroup(url, id, { ...options, rank: 0 });
    const one = await joinGroup(url, id, options);
    void follow(one).catch(() => {});
    const { leader, ring } = await lead(zero);
    const spare = await joinGroup(url, id, { ...options, joinTimeoutMs: 1500 });
    const end = follow(spare);
    ring.link.send(Uint8Array.from([7]));
    assert.deepEqual([...(await ring.next())], [7, 1]);
    // As kill -9: the connection closes, and nothing is said.
    await one.net.close();
    ring.link.send(Uint8Array.from([8]));
    const start = performance.now();
    assert.match((await ring.failed).message, /gone|lost/);
    assert.ok(performance.now() - start < 1500);
    const next = new Ring((await leader.connect()).link);
    next.link.send(Uint8Array.from([8]));
    assert.deepEqual([...(await next.next())], [8, 2]);
    assert.match(zero.said.join("\n"), /Lost: node 1 .*\nFilled: node 2/);
    await spare.net.close();
    assert.match((await next.failed).message, /host is lost/);
    await assert.rejects(
      leader.connect(),
      /node 2 \(here\), layer 0: a host was lost at .*max_restarts 1 allows no other/,
    );
    await leader.end(null);
    await end.catch(() => {});
  });

  holds("a host that is started again takes its own rank, also one that has only been silent", async (id) => {
    const zero = await joinGroup(url, id, { rank: 0, maxRestarts: 9 });
    const one = await joinGroup(url, id, { rank: 1 });
    // A busy machine may answer late.
    const lostAfterMs = 10_000;
    void follow(one).catch(() => {});
    const { leader, ring } = await lead(zero);
    await assert.rejects(
      joinGroup(url, id, { rank: 1, lostAfterMs }),
      /another process is node 1 \(here\) of the group/,
    );
    await one.net.close();
    const again = await joinGroup(url, id, { rank: 1 });
    const echo = new Echo(1);
    const end = follow(again, echo);
    await ring.failed;
    const { link } = await leader.connect();
    // What a stage refuses ends the epoch, but the host is not lost.
    const second = new Ring(link);
    link.send(Uint8Array.from([0xff]));
    assert.match((await second.failed).message, /node 1 \(here\), layer 0: not a message/);
    const third = new Ring((await leader.connect()).link);
    third.link.send(Uint8Array.from([5]));
    assert.deepEqual([...(await third.next())], [5, 1]);
    assert.equal(echo.loads, 1);
    await leader.end(null);
    assert.equal(await end, null);
  });

  holds("what strangers send changes nothing", async (id) => {
    const zero = await joinGroup(url, id, { rank: 0 });
    const end = follow(await joinGroup(url, id));
    const { leader, ring } = await lead(zero);
    const stranger = await connect({ servers: [url], name: "stranger" });
    const text = (value: unknown) =>
      new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
    const beat = { rank: 0, boot: "x", epoch: 1, state: "ready", steps: 0 };
    const plan = { epoch: 99, leader: "x", stages: [{ rank: 0, boot: "x", from: 0, to: 1 }], settings: {} };
    for (const data of [
      ...[
        text(""),
        text("{"),
        text("[]"),
        text("null"),
        new Uint8Array([255, 254]),
        text({ ...beat, rank: -1 }),
        text({ ...beat, state: "king" }),
      ],
      ...[text({ ...beat, plan: { ...plan, stages: "all" } }), text("x".repeat(900_000))],
      text({ ...beat, plan: { ...plan, stages: [{ rank: 0, boot: "x", from: 5, to: 1 }] } }),
    ]) {
      stranger.publish(`lts.g.${id}.hb`, data);
    }
    // Messages of other epochs, without a number, with another's answer.
    for (const subject of [
      `lts.g.${id}.${leader.epoch}.s0`,
      `lts.g.${id}.${leader.epoch - 1}.s0`,
      `lts.g.${id}.${leader.epoch}.t1`,
    ]) {
      stranger.publish(subject, text("99"));
      stranger.publish(subject, text("x"), { headers: { "lts-k": "1" }, reply: "somewhere" });
    }
    await stranger.flush();
    ring.link.send(Uint8Array.from([3]));
    assert.deepEqual([...(await ring.next())], [3, 1]);
    await stranger.close();
    await leader.end(null);
    assert.equal(await end, null);
  });

  holds("nobody waits longer than join_timeout", async (id) => {
    const zero = await joinGroup(url, id, { rank: 0, joinTimeoutMs: 500 });
    await assert.rejects(lead(zero), /group is not complete; expected 2 hosts within 0.5 s, found 1/);
    await zero.member.close();
    const alone = await follow(await joinGroup(url, `${id}-b`, { rank: 1, joinTimeoutMs: 500 }));
    assert.match(alone!.message, /node 0 does not come/);
  });

  holds("an error of node 0 ends all, also those that hear of it later", async (id) => {
    const zero = await joinGroup(url, id, { rank: 0 });
    const end = follow(await joinGroup(url, id));
    const { leader } = await lead(zero);
    await leader.end(new LlamaError("memory", "too little"));
    const error = await end;
    assert.equal(error!.kind, "memory");
    assert.match(error!.message, /node 0 has ended the group: too little/);
  });

  await Promise.all(cases.map(([name, run], i) => t.test(name, { timeout: 20_000 }, () => run(`g${i}`))));
});

test("a group continues after its server was restarted, with its store or without", { skip: withoutNats }, async () => {
  await using server = await NatsServer.start();
  await using _ = members;
  const zero = await joinGroup(server.url, "restart", { rank: 0, lostAfterMs: 3000 });
  const end = follow(await joinGroup(server.url, "restart", { lostAfterMs: 3000 }));
  const { leader, ring } = await lead(zero);
  await server.restart();
  ring.link.send(Uint8Array.from([1]));
  await ring.failed;
  const next = new Ring((await leader.connect()).link);
  next.link.send(Uint8Array.from([2]));
  assert.deepEqual([...(await next.next())], [2, 1]);
  await leader.end(null);
  assert.equal(await end, null);
});

for (const binary of natsBinaries) {
  test(`nats-server ${binary.version}: the role of docs/scale-out.md is enough for a group, and for nothing else`, async () => {
    const page = readFileSync(join(ROOT, "docs/scale-out.md"), "utf8");
    const [, role] = /^ {2}STAGE = (\{[\s\S]*?\n {2}\})$/m.exec(page)!;
    const pair = nkeys.createUser();
    const nkeySeed = new TextDecoder().decode(pair.getSeed());
    const rules = `authorization {\n  STAGE = ${role}\n  users = [ { nkey: ${pair.getPublicKey()}, permissions: $STAGE } ]\n}`;
    await using server = await NatsServer.start({ binary, rules });
    await using _ = members;
    const zero = await joinGroup(server.url, "job1", { rank: 0, nkeySeed });
    const end = follow(await joinGroup(server.url, "job1", { nkeySeed }));
    const { leader, ring } = await lead(zero);
    ring.link.send(Uint8Array.from([1]));
    assert.deepEqual([...(await ring.next())], [1, 1]);
    await leader.end(null);
    assert.equal(await end, null);
    await assert.rejects(joinGroup(server.url, "job2", { rank: 0, nkeySeed }), LlamaError);
    await assert.rejects(joinGroup(server.url, "job1", { rank: 0 }), /refuses the key/);
  });
}
