/**
 * Records in shared memory which phase and layer each rank is in, for failure reports and for detecting stuck ranks.
 * Does not know what a rank computes there.
 */
import { type Fault, injectFault } from "./test-fault.js";

const PHASES = ["load", "prefill", "decode", "collective"] as const;
export type Phase = (typeof PHASES)[number];

// The words of a rank; each rank has its own cache line (16 int32 = 64 bytes) to avoid false sharing.
const LINE = 16;
const PHASE = 0;
const LAYER = 1;
const BEATS = 2;
/** Stored as the layer outside of layers. */
const NO_LAYER = -1;

export interface Place {
  phase: Phase;
  layer: number | null;
}

/** Allocates the words of all ranks. */
export function allocateHeartbeats(worldSize: number): SharedArrayBuffer {
  return new SharedArrayBuffer(worldSize * LINE * 4);
}

export function readPlace(memory: SharedArrayBuffer, rank: number): Place {
  const words = new Int32Array(memory, rank * LINE * 4, LINE);
  const layer = Atomics.load(words, LAYER);
  return { phase: PHASES[Atomics.load(words, PHASE)]!, layer: layer === NO_LAYER ? null : layer };
}

/** Counts the heartbeats of all ranks; the number changes whenever any rank makes progress. */
export function countBeats(memory: SharedArrayBuffer): number {
  const words = new Int32Array(memory);
  let beats = 0;
  for (let at = BEATS; at < words.length; at += LINE) beats += Atomics.load(words, at);
  return beats;
}

/** Writes one rank's place and heartbeats. */
export class Heartbeat {
  readonly #words: Int32Array;
  readonly #fault: Fault | null;

  constructor(memory: SharedArrayBuffer, rank: number, fault: Fault | null) {
    this.#words = new Int32Array(memory, rank * LINE * 4, LINE);
    this.#fault = fault?.rank === rank ? fault : null;
    Atomics.store(this.#words, LAYER, NO_LAYER);
  }

  /** Called whenever the rank makes progress. */
  at(phase: Phase, layer: number | null): void {
    Atomics.store(this.#words, PHASE, PHASES.indexOf(phase));
    Atomics.store(this.#words, LAYER, layer ?? NO_LAYER);
    Atomics.add(this.#words, BEATS, 1);
    const fault = this.#fault;
    if (fault !== null && fault.phase === phase && (fault.layer ?? layer) === layer) injectFault(fault.kind);
  }
}
