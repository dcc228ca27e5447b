/** An engine whose keys and values are int8: steps of any size, copies, and what other numbers of ranks restore. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { Engine } from "../../src/engine/engine.js";
import { openCheckpoint } from "../../src/model/checkpoint/checkpoint.js";
import { demo } from "../folders.js";
import { lastly } from "../lastly.js";
import { maxDifference } from "../max-difference.js";

const VOCAB = 2048;
const ids = Array.from({ length: 300 }, (_, i) => (i === 0 ? 1 : 259 + ((i * 37) % 1700)));
const engines: Engine[] = [];
/** Logits after all ids, whose keys and values are fp32. */
let exact: Float32Array;
/** The same by one step of an engine with int8, and the sequence there. */
let whole: Float32Array;
let sequence: number;

const start = (worldSize: number, kvDtype: "fp32" | "int8") =>
  Engine.start(openCheckpoint(demo, VOCAB), { worldSize, dtype: "fp32", kvDtype, maxSeqLen: 512 });

before(async () => {
  engines.push(await start(1, "int8"), await start(3, "int8"));
  const plain = await start(1, "fp32");
  const all = { position: 0, tokens: ids, logits: "last" } as const;
  [exact] = (await plain.forward([{ sequence: plain.newSequence(), ...all }])) as [Float32Array];
  await plain.close();
  sequence = engines[0]!.newSequence();
  [whole] = (await engines[0]!.forward([{ sequence, ...all }])) as [Float32Array];
});

test("the logits are near those of fp32, and not the same", () => {
  const difference = maxDifference(whole, exact);
  assert.ok(difference > 1e-4 && difference < 0.3, String(difference));
});

test("a position takes as many bytes as a saved one, a quarter of fp32 and the scales", () => {
  const [engine] = engines as [Engine];
  const length = 10;
  // 5 layers, 8 heads of 16
  assert.equal(engine.layerBytes(length), 2 * length * 8 * (16 + 4));
  assert.equal(engine.positionBytes, 5 * engine.layerBytes(1));
});

test("steps of one token, a few and many give the same logits", async () => {
  const [engine] = engines as [Engine];
  const other = engine.newSequence();
  let logits: Float32Array | undefined;
  let position = 0;
  for (const count of [20, 1, 1, 5, 16, 100, 140, 1, 15, 1]) {
    const tokens = ids.slice(position, position + count);
    [logits] = await engine.forward([{ sequence: other, position, tokens, logits: "last" }]);
    position += count;
  }
  assert.equal(position, ids.length);
  // A last bit of a key can round the other way.
  assert.ok(maxDifference(logits!, whole) < 0.02, String(maxDifference(logits!, whole)));
});

test("a copy continues as the whole, also after another number of ranks has restored it", async () => {
  const [one, three] = engines as [Engine, Engine];
  const length = ids.length - 2;
  const rest = { position: length, tokens: ids.slice(length), logits: "last" } as const;
  const [copied] = await one.forward([{ sequence: one.fork(sequence, length), ...rest }]);
  assert.ok(maxDifference(copied!, whole) < 0.02);
  const restored = three.newSequence();
  let layer = three.layers.start;
  for await (const rows of one.save(sequence, length)) three.restore(restored, layer++, rows);
  const [found] = await three.forward([{ sequence: restored, ...rest }]);
  assert.ok(maxDifference(found!, whole) < 0.02, String(maxDifference(found!, whole)));
});

lastly(() => Promise.all(engines.map((engine) => engine.close())));
