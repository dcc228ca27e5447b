/** The options of `bench` and the parsers of their comma-separated lists. Does not know models or measurements. */
import { InvalidArgumentError } from "@commander-js/extra-typings";
import { type MessageFlags, type RankFlags, rankCount, wholeNumber } from "../../options/flags.js";

export const DTYPES = ["auto", "fp32", "int8", "int4"] as const;
export type DtypeFlag = (typeof DTYPES)[number];

/** The options of `bench`, by their names on the command line. */
export interface BenchFlags extends RankFlags, MessageFlags {
  ckpt_dir?: string | undefined;
  tokenizer_path?: string | undefined;
  preset?: string | undefined;
  layers?: number | undefined;
  dtype: readonly DtypeFlag[];
  kv_dtype: "auto" | "fp32" | "int8";
  nproc_per_node: readonly (number | "auto")[];
  threads?: readonly number[] | undefined;
  no_cache?: true | undefined;
  force?: true | undefined;
  pp: readonly number[];
  tg: readonly number[];
  depth: readonly number[];
  trials: number;
  warmup: number;
  json?: true | undefined;
  csv?: true | undefined;
  table?: true | undefined;
}

/** A parser of values separated by commas: each value is parsed by `parse`, duplicates are removed. */
export function listOf<T>(parse: (text: string) => T): (text: string) => T[] {
  return (text) => [...new Set(text.split(",").map((item) => parse(item.trim())))];
}

/** Lengths in tokens of a prompt, a text or a context; the bound catches typing errors that would ask for all memory. */
export const tokenCounts = listOf(wholeNumber(0, 1_000_000));
export const threadCounts = listOf(wholeNumber(1, 1024));
export const rankCounts = listOf(rankCount);

export const dtypes = listOf((text): DtypeFlag => {
  const dtype = DTYPES.find((name) => name === text);
  if (!dtype) throw new InvalidArgumentError(`Allowed choices are ${DTYPES.join(", ")}.`);
  return dtype;
});
