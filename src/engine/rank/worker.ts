/** Entry point of a rank's thread: loads the rank, then answers the host's messages. */
import { once } from "node:events";
import { memoryUsage } from "node:process";
import { parentPort, workerData } from "node:worker_threads";
import { LlamaError } from "../../error.js";
import { describeFailure } from "../host/rank-failure.js";
import { bindThread } from "../machine/cpu-bind.js";
import { StepCancelled, throwIfBroken } from "../shared/collective.js";
import { Heartbeat, readPlace } from "../shared/heartbeat.js";
import type { HostMessage, RankMessage, RankSetup } from "../shared/messages.js";
import { loadFloatStages } from "../stages/float-stages.js";
import { openStages, writeStages } from "../stages/quantized-stages.js";
import type { Stages } from "../stages/stages.js";
import { Rank } from "./rank.js";

/** Bytes between two progress messages. */
const PROGRESS_STEP = 4 << 20;

const port = parentPort!;
const setup = workerData as RankSetup;

function send(message: RankMessage): void {
  port.postMessage(message);
}

/** Reports the failure and ends the thread; the host then stops the group. */
function fail(error: unknown): void {
  send({ kind: "failed", place: readPlace(setup.heartbeats, setup.rank), failure: describeFailure(error) });
  port.close();
}

async function load(): Promise<Rank> {
  const start = performance.now();
  let bytesRead = 0;
  let unreported = 0;
  const heartbeat = new Heartbeat(setup.heartbeats, setup.rank, setup.fault);
  heartbeat.at("load", null);
  if (setup.cores !== null) bindThread(setup.cores);
  const stages = await loadStages((bytes) => {
    heartbeat.at("load", null);
    throwIfBroken(setup.collective);
    bytesRead += bytes;
    unreported += bytes;
    if (unreported < PROGRESS_STEP) return;
    send({ kind: "progress", bytes: unreported });
    unreported = 0;
  });
  const rank = Rank.create(setup, stages, heartbeat);
  send({ kind: "progress", bytes: unreported });
  const { arrayBuffers, heapUsed } = memoryUsage();
  const memory = arrayBuffers + heapUsed + stages.constantBytes;
  send({ kind: "ready", bytesRead, milliseconds: performance.now() - start, memory });
  return rank;
}

async function loadStages(onBytes: (bytes: number) => void): Promise<Stages> {
  const { dtype, weights } = setup;
  if (dtype === "fp32") return loadFloatStages(setup, onBytes);
  if (weights.kind === "memory") return openStages(setup, null, onBytes);
  if (weights.kind === "cache") return openStages(setup, weights.folder, onBytes);
  let failure: string | null = null;
  try {
    await writeStages(setup, weights.folder, onBytes);
  } catch (error) {
    // A bad checkpoint fails with or without the weight cache; any other error is treated as a failure to write it.
    if (error instanceof LlamaError) throw error;
    failure = error instanceof Error ? error.message : String(error);
  }
  const answer = once(port, "message") as Promise<[HostMessage]>;
  send({ kind: "converted", failure });
  const [message] = await answer;
  if (message.kind !== "open") throw new Error("the group has ended");
  return openStages(setup, message.folder, onBytes);
}

function step(rank: Rank, message: HostMessage & { kind: "step" }): void {
  const start = performance.now();
  rank.collective.waited = 0;
  rank.collective.summing = 0;
  let cancelled = false;
  let h: Float32Array | null = null;
  try {
    h = rank.step(message.input, message.spans, message.logitRows);
  } catch (error) {
    if (!(error instanceof StepCancelled)) throw error;
    cancelled = true;
  }
  if (setup.rank !== 0 || setup.plan.at(-1)?.kind === "head") h = null;
  const { waited, summing } = rank.collective;
  send({ kind: "stepped", cancelled, h, total: performance.now() - start, waited, summing });
}

function serve(rank: Rank, message: HostMessage): void {
  const { caches } = rank;
  switch (message.kind) {
    case "step":
      step(rank, message);
      break;
    case "trim":
      caches.of(message.sequence).trim(message.positions);
      break;
    case "fork":
      caches.of(message.sequence).copyFrom(caches.of(message.source), message.length);
      break;
    case "release":
      caches.release(message.sequence);
      break;
    case "save":
      send({ kind: "saved", bytes: caches.of(message.sequence).save(message.layer, message.length) });
      break;
    case "restore":
      caches.of(message.sequence).restore(message.layer, message.bytes);
      break;
    case "close":
      rank.close();
      port.close();
  }
}

load().then(
  (rank) =>
    port.on("message", (message: HostMessage) => {
      try {
        serve(rank, message);
      } catch (error) {
        fail(error);
      }
    }),
  (error) => fail(error),
);
