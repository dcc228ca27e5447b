/** A failure in a rank as the host throws it: what, where it was first observed, and what can be done. Knows messages; ends nothing. */
import { type FailurePlace, LlamaError, RankError } from "../../error.js";
import type { Place } from "../shared/heartbeat.js";
import type { Failure } from "../shared/messages.js";

/** How JavaScript and the runtime say that an allocation failed. */
const NO_MEMORY = /allocation failed|bad_alloc|failed to allocate|cannot allocate|out of memory/i;
const MEMORY_ADVICE = "Take a smaller dtype or max_seq_len, or end other programs";

/** Whether an error says that there is no memory left. */
export function isMemoryShort(message: string): boolean {
  return NO_MEMORY.test(message);
}

export function memoryError(message: string, place?: FailurePlace): LlamaError {
  const found = message.replace(/\s+/g, " ").slice(0, 200).trim();
  return new LlamaError("memory", "not enough memory", { found, fix: MEMORY_ADVICE, ...(place && { place }) });
}

/** An error as data. */
export function describeFailure(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? (error.stack ?? message) : message;
  return { message, stack, expected: error instanceof LlamaError ? error.kind : null };
}

/** The error of a rank that failed at a place. */
export function rankError(rank: number, worldSize: number, { phase, layer }: Place, failure: Failure): Error {
  const place: FailurePlace = { rank, worldSize, phase, layer };
  const { message, stack, expected } = failure;
  if (expected) return new LlamaError(expected, message, { place });
  if (isMemoryShort(message)) return memoryError(message, place);
  const error = new RankError(`rank ${rank} failed in ${placeText(place)}: ${message}`, place);
  error.stack = `${error.message}\n${stack}`;
  return error;
}

/**
 * The error of a group of which no rank got on for so long. Of the ranks that have not answered the host, the one that is
 * not itself waiting for another is named.
 */
export function stallError(places: readonly Place[], answered: readonly boolean[], milliseconds: number): LlamaError {
  const worldSize = places.length;
  const silent = places.map((_, rank) => rank).filter((rank) => !answered[rank]);
  const rank = silent.find((rank) => places[rank]!.phase !== "collective") ?? silent[0] ?? 0;
  const place: FailurePlace = { rank, worldSize, ...places[rank]! };
  const waiting = worldSize > 1 ? ", and the others wait for it" : "";
  const seconds = Math.round(milliseconds / 1000);
  return new LlamaError("runtime", `rank ${rank} has not got on for ${seconds} s${waiting}`, {
    fix: "A disk or network that does not answer, or a machine that is out of memory, are the usual causes; --rank_timeout allows more time",
    place,
  });
}

/** "decode, layer 3" */
function placeText({ phase, layer }: Pick<FailurePlace, "phase" | "layer">): string {
  return layer === null ? phase : `${phase}, layer ${layer}`;
}
