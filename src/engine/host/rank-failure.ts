/** Turns a rank's failure into the error that the host throws: what failed, where, and what to do. Does not stop anything. */
import { type FailurePlace, LlamaError, RankError } from "../../error.js";
import type { Place } from "../shared/heartbeat.js";
import type { Failure } from "../shared/messages.js";

/** Texts by which JavaScript and the runtime report a failed allocation. */
const NO_MEMORY = /allocation failed|bad_alloc|failed to allocate|cannot allocate|out of memory/i;
const MEMORY_ADVICE = "Use a smaller dtype or max_seq_len, or close other programs";

/** Whether an error message reports that memory ran out. */
export function isOutOfMemory(message: string): boolean {
  return NO_MEMORY.test(message);
}

export function memoryError(message: string, place?: FailurePlace): LlamaError {
  const found = message.replace(/\s+/g, " ").slice(0, 200).trim();
  return new LlamaError("memory", "not enough memory", { found, fix: MEMORY_ADVICE, ...(place && { place }) });
}

/** Converts an error to data that can be sent between threads. */
export function describeFailure(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? (error.stack ?? message) : message;
  return { message, stack, expected: error instanceof LlamaError ? error.kind : null };
}

/** The error for a rank that failed at a place. */
export function rankError(rank: number, worldSize: number, { phase, layer }: Place, failure: Failure): Error {
  const place: FailurePlace = { rank, worldSize, phase, layer };
  const { message, stack, expected } = failure;
  if (expected) return new LlamaError(expected, message, { place });
  if (isOutOfMemory(message)) return memoryError(message, place);
  const error = new RankError(`rank ${rank} failed in ${placeText(place)}: ${message}`, place);
  error.stack = `${error.message}\n${stack}`;
  return error;
}

/**
 * The error for a group in which no rank made progress for `milliseconds`. Names a rank that has not answered the host and
 * is not itself waiting for another rank.
 */
export function stallError(places: readonly Place[], answered: readonly boolean[], milliseconds: number): LlamaError {
  const worldSize = places.length;
  const silent = places.map((_, rank) => rank).filter((rank) => !answered[rank]);
  const rank = silent.find((rank) => places[rank]!.phase !== "collective") ?? silent[0] ?? 0;
  const place: FailurePlace = { rank, worldSize, ...places[rank]! };
  const waiting = worldSize > 1 ? "; the other ranks are waiting for it" : "";
  const seconds = Math.round(milliseconds / 1000);
  return new LlamaError("runtime", `rank ${rank} made no progress for ${seconds} s${waiting}`, {
    fix: "The usual causes are a disk or network that does not respond, or a machine that is out of memory; --rank_timeout sets a longer limit",
    place,
  });
}

/** The error for a call after the end of the model. */
export function closedError(): LlamaError {
  return new LlamaError("runtime", "the model is closed");
}

/** "decode, layer 3" */
function placeText({ phase, layer }: Pick<FailurePlace, "phase" | "layer">): string {
  return layer === null ? phase : `${phase}, layer ${layer}`;
}
