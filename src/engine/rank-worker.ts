/** The entry of a rank's thread: messages in, a Rank's work, messages out. */
import { parentPort, workerData } from "node:worker_threads";
import { LlamaError } from "../error.js";
import { StepCancelled } from "./collective.js";
import type { Failure, HostMessage, RankMessage, RankSetup } from "./protocol.js";
import { Rank } from "./rank.js";

/** Bytes between two progress messages. */
const PROGRESS_STEP = 4 << 20;

const port = parentPort!;
const setup = workerData as RankSetup;

function send(message: RankMessage): void {
  port.postMessage(message);
}

/** Reports the failure and ends the thread; the host then ends the group. */
function fail(phase: "load" | "step", error: unknown): void {
  const failure: Failure = {
    message: error instanceof Error ? error.message : String(error),
    stack: error instanceof Error ? (error.stack ?? error.message) : String(error),
    expected: error instanceof LlamaError ? error.kind : null,
  };
  send({ kind: "failed", phase, failure });
  port.close();
}

async function load(): Promise<Rank> {
  const start = performance.now();
  let bytesRead = 0;
  let unreported = 0;
  const rank = await Rank.load(setup, (bytes) => {
    bytesRead += bytes;
    unreported += bytes;
    if (unreported < PROGRESS_STEP) return;
    send({ kind: "progress", bytes: unreported });
    unreported = 0;
  });
  send({ kind: "progress", bytes: unreported });
  send({ kind: "ready", bytesRead, milliseconds: performance.now() - start });
  return rank;
}

async function step(rank: Rank, message: HostMessage & { kind: "step" }): Promise<void> {
  const start = performance.now();
  rank.collective.waited = 0;
  let cancelled = false;
  try {
    await rank.step(message.tokens, message.spans, message.logitRows);
  } catch (error) {
    if (!(error instanceof StepCancelled)) throw error;
    cancelled = true;
  }
  send({ kind: "stepped", cancelled, total: performance.now() - start, waited: rank.collective.waited });
}

async function serve(rank: Rank, message: HostMessage): Promise<void> {
  if (message.kind === "step") {
    await step(rank, message);
  } else if (message.kind === "release") {
    rank.release(message.sequence);
  } else {
    await rank.close();
    port.close();
  }
}

load().then(
  (rank) => port.on("message", (message: HostMessage) => serve(rank, message).catch((error) => fail("step", error))),
  (error) => fail("load", error),
);
