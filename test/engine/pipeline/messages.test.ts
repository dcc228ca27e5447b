/** Messages between stages: cut and joined, and refused where anything in them is not what the plan and the sequences allow. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { cutMessage, leastMessage, PartJoiner, type StageMessage } from "../../../src/engine/pipeline/message-parts.js";
import { StageLost } from "../../../src/engine/pipeline/stage-link.js";
import { BadMessage, decodePart, encodePart, type StageBody } from "../../../src/engine/pipeline/stage-message.js";
import type { StagePlan } from "../../../src/engine/pipeline/stage-plan.js";
import { StageSequences } from "../../../src/engine/pipeline/stage-sequences.js";
import { createRandom } from "../../../src/generation/sampling/random.js";

const plan: StagePlan = {
  stages: [
    { start: 0, end: 2 },
    { start: 2, end: 5 },
    { start: 5, end: 6 },
  ],
  ...{ dim: 8, vocabSize: 100, maxSeqLen: 64, maxRows: 32, maxPositions: 200, kvBytes: 10 },
};
/** Room for 3 rows of 8 numbers. */
const LINK = leastMessage(plan) + 2 * 32;

const bytesOf = (length: number) => Uint8Array.from({ length }, (_, i) => i % 251);
function message(k: number, body: StageBody, payload: Uint8Array, actions: StageMessage["actions"] = []): StageMessage {
  return { epoch: 3, k, actions, body, payload };
}
const step = (k: number, sequence: number, position: number, count: number) =>
  message(k, { kind: "step", spans: [{ sequence, position, count }] }, bytesOf(count * 32));
const joiner = (stage = 1, sequences = new StageSequences(plan)) =>
  new PartJoiner(plan, stage, 3, (header) => sequences.follow(header));

test("messages of every kind come out of their parts as they were", () => {
  const spans = [
    { sequence: 4, position: 0, count: 9, promptLength: 30 },
    { sequence: 5, position: 0, count: 1 },
  ];
  const messages = [
    message(0, { kind: "step", spans }, bytesOf(320)),
    message(1, { kind: "step", spans: [] }, bytesOf(0), [
      { kind: "fork", source: 4, sequence: 7, length: 8 },
      { kind: "trim", sequence: 4, positions: 2 },
      { kind: "release", sequence: 5 },
    ]),
    message(2, { kind: "save", sequence: 7, layer: 1, length: 8 }, bytesOf(80)),
    message(3, { kind: "restore", sequence: 8, layer: 3, length: 33 }, bytesOf(330)),
    message(4, { kind: "failed", problem: "it broke", expected: "memory" }, bytesOf(0)),
  ];
  const join = joiner();
  const counts = messages.map((one) => {
    const parts = cutMessage(one, plan, 1, LINK);
    for (const part of parts) assert.ok(part.length <= LINK);
    const results = parts.map((part) => join.push(part));
    assert.deepEqual(results, [...Array(parts.length - 1).fill(null), one]);
    return parts.length;
  });
  assert.deepEqual(counts, [4, 1, 1, 4, 1]);
});

test("a gap ends the epoch; what comes again, or is of another epoch, is dropped", () => {
  const join = joiner();
  const [first, second, third] = cutMessage(step(0, 1, 0, 7), plan, 1, LINK) as [Uint8Array, Uint8Array, Uint8Array];
  assert.equal(join.push(first), null);
  assert.throws(() => join.push(first), BadMessage);
  assert.throws(() => join.push(third), StageLost);
  assert.equal(join.push(second), null);
  assert.throws(
    () => join.push(cutMessage({ ...step(0, 1, 0, 7), epoch: 2 }, plan, 1, LINK)[2]!),
    /epoch 2 in epoch 3/,
  );
  assert.equal(join.push(third)!.k, 0);
  assert.throws(() => join.push(third), /came again/);
  assert.throws(() => join.push(cutMessage(step(2, 1, 7, 1), plan, 1, LINK)[0]!), StageLost);
  assert.equal(join.push(cutMessage(step(1, 1, 7, 1), plan, 1, LINK)[0]!)!.k, 1);
});

test("sequences, positions and sizes that do not fit are refused, and the right message still counts", () => {
  const join = joiner();
  const push = (one: StageMessage, stage = 1) =>
    cutMessage(one, plan, stage, LINK)
      .map((part) => join.push(part))
      .at(-1)!;
  push(step(0, 1, 0, 9));
  const save = (sequence: number, layer: number, length: number, bytes: number) =>
    message(1, { kind: "save", sequence, layer, length }, bytesOf(bytes));
  const act = (...actions: StageMessage["actions"]) => message(1, { kind: "step", spans: [] }, bytesOf(0), actions);
  const wrong: StageMessage[] = [
    step(1, 2, 1, 1),
    step(1, 1, 10, 1),
    step(1, 1, 60, 5),
    step(1, 1, 0, 33),
    { ...step(1, 1, 9, 2), payload: bytesOf(32) },
    { ...step(1, 1, 9, 1), payload: bytesOf(64) },
    { ...step(1, 1, 9, 1), payload: bytesOf(31) },
    save(1, 1, 10, 100),
    save(2, 1, 3, 30),
    save(1, 9, 3, 30),
    save(1, 1, 9, 80),
    save(1, 3, 9, 90),
    act({ kind: "release", sequence: 9 }),
    act({ kind: "trim", sequence: 9, positions: 1 }),
    act({ kind: "fork", source: 1, sequence: 2, length: 10 }),
    act({ kind: "fork", source: 1, sequence: 1, length: 3 }),
    act({ kind: "release", sequence: 1 }, { kind: "release", sequence: 1 }),
    message(1, { kind: "restore", sequence: 3, layer: 3, length: 65 }, bytesOf(650)),
  ];
  for (const one of wrong)
    assert.throws(() => push(one), BadMessage, JSON.stringify({ ...one, payload: one.payload.length }));
  assert.equal(push(step(1, 1, 9, 1)).k, 1);
});

test("the first stage takes only tokens of the vocabulary", () => {
  const join = joiner(0);
  const ids = (k: number, ...list: number[]) => {
    const spans = [{ sequence: 1, position: 0, count: list.length }];
    const one = message(k, { kind: "step", spans }, new Uint8Array(Int32Array.from(list).buffer));
    return () =>
      cutMessage(one, plan, 0, LINK)
        .map((part) => join.push(part))
        .at(-1)!;
  };
  assert.throws(ids(0, 5, 100), /token 100 of 100/);
  assert.throws(ids(0, -1), BadMessage);
  assert.equal(ids(0, 0, 99)().k, 0);
});

test("all sequences together have no more positions than the plan allows twice", () => {
  const sequences = new StageSequences(plan);
  const add = (sequence: number) =>
    sequences.follow({ actions: [], body: { kind: "step", spans: [{ sequence, position: 0, count: 32 }] } });
  for (let sequence = 0; sequence < 12; sequence++) add(sequence);
  assert.throws(() => add(12), /416 positions/);
  sequences.follow({ actions: [{ kind: "release", sequence: 0 }], body: { kind: "step", spans: [] } });
  add(12);
});

test("a header is believed in nothing", () => {
  const head = { v: 1, e: 3, k: 0, part: [0, 1], kind: "step", spans: [[1, 0, 1]], actions: [] as unknown[] };
  const raw = (header: unknown, payload = bytesOf(32)) => {
    const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
    const bytes = new Uint8Array(4 + text.length + payload.length);
    new DataView(bytes.buffer).setUint32(0, text.length, true);
    bytes.set(text, 4);
    bytes.set(payload, 4 + text.length);
    return bytes;
  };
  assert.ok(joiner().push(raw(head)));
  const wrong: unknown[] = [
    ...["", "[]", "{", "null", '{"v":1}', "\ud800", `${"[".repeat(30_000)}`],
    { ...head, v: 2 },
    { ...head, part: [1, 1] },
    { ...head, part: [0, 0] },
    { ...head, part: [0, 2 ** 40] },
    { ...head, part: [0] },
    { ...head, part: [0, 2] },
    { ...head, e: -1 },
    { ...head, e: "3" },
    { ...head, k: 1.5 },
    { ...head, k: 1e300 },
    { ...head, kind: "close" },
    { ...head, kind: "__proto__" },
    { ...head, spans: null },
    { ...head, spans: {} },
    { ...head, spans: Array(33).fill([1, 0, 1]) },
    { ...head, spans: [[1, 0, 0]] },
    { ...head, spans: [[1, 0]] },
    { ...head, spans: [[1, 0, 1, 65]] },
    { ...head, spans: [[1, 0, 1, 2, 3]] },
    { ...head, spans: [[1, 2 ** 53, 1]] },
    { ...head, spans: [[1, 0, 1e9]] },
    { ...head, actions: undefined },
    { ...head, actions: Array(257).fill(["release", 1]) },
    { ...head, actions: [["drop", 1]] },
    { ...head, actions: [["fork", 1, 2]] },
    { ...head, actions: ["release"] },
    { ...head, kind: "failed", problem: 3 },
    { ...head, kind: "failed", problem: "x", expected: "other" },
    { ...head, kind: "save", sequence: 1, layer: 6, length: 1 },
  ];
  for (const header of wrong) assert.throws(() => joiner().push(raw(header)), BadMessage, JSON.stringify(header));
  for (const bytes of [bytesOf(0), bytesOf(3), raw(head).subarray(0, 20), Uint8Array.of(255, 255, 255, 255, 1)]) {
    assert.throws(() => joiner().push(bytes), BadMessage);
  }
});

test("bytes changed at random are refused, or are another message that is allowed", () => {
  const random = createRandom(11);
  const good = encodePart({
    ...{ epoch: 3, k: 0, index: 0, count: 1, payload: bytesOf(96) },
    content: {
      actions: [],
      body: { kind: "step", spans: [{ sequence: 1, position: 0, count: 3 }] },
    },
  });
  let refused = 0;
  for (let i = 0; i < 20_000; i++) {
    const bad = good.slice(0, random() < 0.2 ? Math.floor(random() * good.length) : good.length);
    for (let n = 1 + Math.floor(random() * 3); n > 0 && bad.length > 0; n--) {
      bad[Math.floor(random() * bad.length)] = Math.floor(random() * 256);
    }
    try {
      const message = joiner().push(bad);
      if (message) assert.equal(message.payload.length, 96);
      else decodePart(bad, plan);
    } catch (error) {
      assert.ok(error instanceof BadMessage || error instanceof StageLost, String(error));
      refused++;
    }
  }
  assert.ok(refused > 5000);
});
