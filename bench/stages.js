#!/usr/bin/env node
/**
 * Steps in flight over stages: texts of the demo model, cut into stages in this process, whose links are busy for as long as a host
 * of a large model would compute: ms * (1 + further * (rows - 1)). One step at a time beside as many as there are stages, and a prompt.
 *   node bench/stages.js [--stages 2,3,4] [--texts 16] [--tg 16] [--pp 500] [--ms 120] [--further 0.08]
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Engine } from "../dist/src/engine/engine.js";
import { PipelineEngine } from "../dist/src/engine/pipeline/pipeline-engine.js";
import { StageHost } from "../dist/src/engine/pipeline/stage-host.js";
import { stagePlan } from "../dist/src/engine/pipeline/stage-plan.js";
import { RequestLoop } from "../dist/src/generation/scheduling/request-loop.js";
import { openCheckpoint } from "../dist/src/model/checkpoint/checkpoint.js";

const text = (value) => ({ type: "string", default: value });
const { values } = parseArgs({
  options: {
    stages: text("2,3,4"),
    texts: text("16"),
    tg: text("16"),
    pp: text("500"),
    ms: text("120"),
    further: text("0.08"),
  },
});
const [texts, tg, pp, ms, further] = ["texts", "tg", "pp", "ms", "further"].map((name) => Number(values[name]));
const checkpoint = openCheckpoint(fileURLToPath(new URL("../models/demo", import.meta.url)), 2048);
const { config } = checkpoint;
const timeOf = (rows) => (rows === 0 ? 0 : ms * (1 + further * (rows - 1)));

/** Rows of the step in a message; 0 for others. */
function rowsOf(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const { spans = [] } = JSON.parse(Buffer.from(bytes.subarray(4, 4 + length)).toString());
  return spans.reduce((sum, [, , count]) => sum + count, 0);
}

/** Links in a circle; each carries one message at a time. */
function ringOf(size) {
  const links = Array.from({ length: size }, () => ({ maxMessage: 16 << 20, receiver: null, free: 0 }));
  for (const [i, link] of links.entries()) {
    const next = links[(i + 1) % size];
    link.listen = (receiver) => {
      link.receiver = receiver;
    };
    link.close = () => {};
    link.send = (bytes) => {
      link.free = Math.max(performance.now(), link.free) + timeOf(rowsOf(bytes));
      setTimeout(() => next.receiver.message(bytes), link.free - performance.now());
    };
  }
  return links;
}

async function open(count) {
  const ranges = Array.from({ length: count }, (_, i) => ({
    start: Math.floor((i * config.nLayers) / count),
    end: Math.floor(((i + 1) * config.nLayers) / count),
  }));
  const settings = { worldSize: 1, dtype: "fp32", maxSeqLen: 1024, threadsPerRank: 1 };
  const engines = await Promise.all(ranges.map((layers) => Engine.start(checkpoint, { ...settings, layers })));
  const plan = stagePlan(config, "fp32", ranges, settings.maxSeqLen);
  const links = ringOf(count);
  const fail = (error) => {
    throw error;
  };
  for (const [stage, engine] of engines.slice(0, -1).entries()) {
    const host = new StageHost(engine, plan, stage, { onLost: fail, onFailure: fail, onRefused: fail });
    host.enter({ number: 1, link: links[stage] });
  }
  const pipeline = new PipelineEngine(
    engines.at(-1),
    plan,
    { number: 1, link: links.at(-1) },
    { recover: fail, onRefused: fail },
  );
  return { pipeline, close: () => Promise.all([pipeline, ...engines].map((engine) => engine.close())) };
}

/** The engine with another number of steps in flight. */
function withDepth(engine, depth) {
  return new Proxy(engine, {
    get(target, name) {
      if (name === "depth") return depth;
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

async function run(engine, prompts, maxTokens) {
  const limits = { maxRequests: 64, maxPositions: 1e6, maxKept: 0, maxQueue: 100, stepMs: 1e6, positionBytes: 1 };
  const loop = new RequestLoop(engine, limits, "fp32");
  const sample = (logits) => logits.indexOf(Math.max(...logits));
  const request = (promptIds) => ({ promptIds, maxTokens, sample, stopIds: new Set(), logprobs: false });
  const start = performance.now();
  await Promise.all(
    prompts.map(async (ids) => {
      for await (const _ of loop.submit(request(ids))) {
        // Only the time counts.
      }
    }),
  );
  return (performance.now() - start) / 1000;
}

const ids = (length, seed) => Array.from({ length }, (_, i) => 300 + ((i * 37 + seed * 101) % 1700));
for (const count of values.stages.split(",").map(Number)) {
  const { pipeline, close } = await open(count);
  const rates = [];
  for (const depth of [1, count]) {
    const engine = withDepth(pipeline, depth);
    const seconds = await run(
      engine,
      Array.from({ length: texts }, (_, i) => ids(1, i)),
      tg,
    );
    const rows = texts / depth;
    const expected = texts / ((count * timeOf(Math.max(1, rows))) / 1000);
    const prompt = await run(engine, [ids(pp, depth)], 1);
    rates.push((texts * tg) / seconds);
    console.log(
      `${count} stages, ${depth} in flight: ${rates.at(-1).toFixed(1)} tok/s (expected ${expected.toFixed(1)}), prompt of ${pp} in ${prompt.toFixed(1)} s`,
    );
  }
  console.log(`${count} stages: ${(rates[1] / rates[0]).toFixed(2)} times the rate`);
  await close();
}
