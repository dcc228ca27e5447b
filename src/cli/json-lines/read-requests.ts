/** Reads the requests of an input: those of this process, each id once, without what is done. Does not know what a line means. */
import { LlamaError } from "../../error.js";
import type { Json } from "../../generation/options/wrong-type.js";
import { isInShard, type Shard } from "../options/shard.js";
import { keyOf, type Origin, readLine } from "./json-line.js";
import { KeySet } from "./key-set.js";
import type { LineInput } from "./line-input.js";

export interface RequestLines<R> {
  keys: readonly string[];
  request: (json: Json, origin: Origin) => R;
  shard: Shard;
  /** Whether the request with this key needs no answer any more. */
  isDone: (key: string) => boolean;
  /** Bytes of the input read so far. */
  onRead: (bytes: number) => void;
}

/** A request, or the error of its line. */
export type RequestLine<R> =
  | { origin: Origin; request: R; error: null }
  | { origin: Origin; request: null; error: LlamaError };

export async function* readRequests<R>(input: LineInput, lines: RequestLines<R>): AsyncGenerator<RequestLine<R>> {
  const seen = new KeySet();
  for await (const line of input.lines) {
    lines.onRead(line.end);
    if (!isInShard(line.number, lines.shard)) continue;
    const read = readLine(line, lines.keys, lines.request);
    const key = keyOf(read.origin);
    const isNew = seen.add(key);
    if (isNew && !read.error && lines.isDone(key)) continue;
    const problem = read.error ?? (isNew ? null : duplicate());
    yield problem ? { origin: read.origin, request: null, error: problem } : read;
  }
}

function duplicate(): LlamaError {
  return new LlamaError("usage", "duplicate id: already used on an earlier line");
}
