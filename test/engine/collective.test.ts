/** Sums over ranks with real threads, small and large sums mixed: every rank must have the same, correct bits. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import {
  allocateCollective,
  breakGroup,
  Collective,
  type CollectiveMemory,
  requestCancel,
  StepCancelled,
} from "../../src/engine/shared/collective.js";

const CAPACITY = 100_000;
const ROUNDS = 60;

interface Job {
  memory: CollectiveMemory;
  rank: number;
  worldSize: number;
  rounds: number;
}

/** The partial of a rank in a round; lengths vary so that both ways to sum are used. */
function partial(rank: number, round: number): Float32Array {
  const length = [7, 4096, CAPACITY][round % 3]!;
  return Float32Array.from({ length }, (_, i) => Math.fround(Math.sin(i + rank * 31 + round) * 10 ** (rank - 1)));
}

function expected(worldSize: number, round: number): Float32Array {
  const total = partial(0, round);
  for (let rank = 1; rank < worldSize; rank++) {
    for (const [i, value] of partial(rank, round).entries()) total[i]! += value;
  }
  return total.map((value) => Math.fround(1 + value));
}

function work({ memory, rank, worldSize, rounds }: Job): string {
  const collective = new Collective(memory, rank, worldSize, rank % 2 === 0 ? 0.1 : 0);
  try {
    for (let round = 0; round < rounds; round++) {
      const part = partial(rank, round);
      const target = new Float32Array(part.length).fill(1);
      collective.addAllReduce(target, part);
      const right = expected(worldSize, round);
      if (Buffer.compare(Buffer.from(target.buffer), Buffer.from(right.buffer)) !== 0) return `round ${round} is wrong`;
    }
    return "done";
  } catch (error) {
    return error instanceof StepCancelled ? "cancelled" : (error as Error).message;
  }
}

if (!isMainThread) {
  parentPort!.postMessage(work(workerData as Job));
} else {
  /** Runs the given ranks; returns the answer of each. */
  const start = (memory: CollectiveMemory, worldSize: number, ranks: number[], rounds: number) =>
    Promise.all(
      ranks.map(
        (rank) =>
          new Promise<string>((resolve, reject) => {
            const job: Job = { memory, rank, worldSize, rounds };
            new Worker(new URL(import.meta.url), { workerData: job }).once("message", resolve).once("error", reject);
          }),
      ),
    );

  for (const worldSize of [2, 3, 4]) {
    test(`${worldSize} ranks all compute the sum in rank order, bit for bit`, async () => {
      const memory = allocateCollective(worldSize, CAPACITY);
      const ranks = Array.from({ length: worldSize }, (_, rank) => rank);
      assert.deepEqual(
        await start(memory, worldSize, ranks, ROUNDS),
        ranks.map(() => "done"),
      );
    });
  }

  test("all ranks see a cancel at the same barrier", async () => {
    const memory = allocateCollective(3, CAPACITY);
    setTimeout(() => requestCancel(memory, true), 150);
    const answers = await start(memory, 3, [0, 1, 2], 1e9);
    assert.deepEqual(answers, ["cancelled", "cancelled", "cancelled"]);
  });

  test("when a rank is missing, the other ranks stop waiting", async () => {
    const memory = allocateCollective(3, CAPACITY);
    setTimeout(() => breakGroup(memory), 150);
    assert.deepEqual(await start(memory, 3, [0, 2], 3), Array(2).fill("another rank has failed"));
  });

  test("a single rank stops at a checkpoint", () => {
    const memory = allocateCollective(1, CAPACITY);
    const collective = new Collective(memory, 0, 1, 0);
    collective.checkpoint();
    requestCancel(memory, true);
    assert.throws(() => collective.checkpoint(), StepCancelled);
  });
}
