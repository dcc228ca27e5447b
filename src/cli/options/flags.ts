/** The types of the parsed options, and the parsers of their values. Does not know commands or files. */
import { InvalidArgumentError } from "@commander-js/extra-typings";
import { CHAT_NAMES } from "../../generation/chat/chat-format.js";
import * as kinds from "../../generation/options/value-kinds.js";
import { MAX_TOP_LOGPROBS } from "../../generation/sampling/option-table.js";
import type { NodeFlags } from "./node-flags.js";
import type { TorchrunFlags } from "./torchrun-flags.js";

// Types, not interfaces: only types are assignable to commander's OptionValues.

/** The options of rankOptions(): how ranks run and what they report. */
export type RankFlags = TorchrunFlags &
  NodeFlags & {
    /** Seconds. */
    rank_timeout: number;
    cpu_bind: "none" | "spread";
    no_supervisor?: true | undefined;
  };

/** The options of modelOptions(), by their names on the command line. */
export type ModelFlags = RankFlags & {
  ckpt_dir?: string | undefined;
  tokenizer_path?: string | undefined;
  nproc_per_node: number | "auto";
  threads?: number | undefined;
  max_seq_len?: number | undefined;
  dtype: "auto" | "fp32" | "int8" | "int4";
  kv_dtype: "auto" | "fp32" | "int8";
  no_cache?: true | undefined;
  force?: true | undefined;
  verify?: true | undefined;
};

/** The words that `--chat` takes; anything else is a file. */
export const CHAT_WORDS = ["auto", ...CHAT_NAMES] as const;

/** The option of chatOptions(): a word, or a file. */
export type ChatFlags = {
  chat?: string | undefined;
};

/** The options of samplingOptions(). */
export type SamplingFlags = {
  temperature: number;
  top_p: number;
  top_k: number;
  min_p: number;
  repetition_penalty: number;
  presence_penalty: number;
  frequency_penalty: number;
  logit_bias?: Readonly<Record<number, number>> | undefined;
  max_gen_len: number;
  stop?: readonly string[] | undefined;
  seed?: number | undefined;
  prompt_lookup_num_tokens: number | "auto";
};

/** The options of formOptions(): at most one. */
export type FormFlags = {
  /** A file, "-" for stdin, or the text of a schema. */
  json_schema?: string | undefined;
  json_object?: true | undefined;
  regex?: string | undefined;
  /** A file. */
  grammar?: string | undefined;
};

/** The options of lineOptions(). */
export type LineFlags = {
  output?: string | undefined;
  resume?: true | undefined;
  overwrite?: true | undefined;
  shard?: string | undefined;
  concurrency: number;
  kv_memory?: number | undefined;
};

/** The options of messageOptions(). */
export type MessageFlags = {
  color: "auto" | "always" | "never";
  quiet?: true | undefined;
  verbose?: true | undefined;
};

/** The options of `generate`. */
export interface GenerateFlags extends ModelFlags, SamplingFlags, MessageFlags, ChatFlags, FormFlags {
  prompt?: string | undefined;
  system?: string | undefined;
  parse_special?: true | undefined;
  prompt_file?: string | undefined;
  no_stdin?: true | undefined;
  echo?: true | undefined;
  json?: true | undefined;
  stream_json?: true | undefined;
  logprobs?: number | true | undefined;
  output?: string | undefined;
}

/** A parser of the kind's values for commander, which names the option in its message. */
export function parserOf<T>(kind: kinds.ValueKind<T>): (text: string, before?: T) => T {
  return (text, before) => {
    const value = kind.parse(text, before);
    if (value === undefined) throw new InvalidArgumentError(`Expected ${kind.expectedText ?? kind.expected}.`);
    return value;
  };
}

/** Parses a whole number from `least` to `most`. */
export function wholeNumber(least: number, most?: number): (text: string) => number {
  const parse = parserOf(kinds.wholeNumber(least, most));
  return (text) => parse(text);
}

/** Parses a decimal number from `least` to `most`. */
export function decimal(least: number, most?: number): (text: string) => number {
  const parse = parserOf(kinds.decimal(least, most));
  return (text) => parse(text);
}

/** Less than this was meant in another unit. */
const LEAST_SIZE = 1024;

/** Parses "4G", "512M" or "1.5GiB" to bytes, in powers of 1024. */
export function byteSize(text: string): number {
  const [, amount, unit] = /^(\d+\.?\d*|\.\d+)\s*([KMGT]?)(?:i?B)?$/i.exec(text) ?? [];
  const value = Number(amount) * 1024 ** " KMGT".indexOf((unit || " ").toUpperCase());
  if (!(value >= LEAST_SIZE)) throw new InvalidArgumentError("Expected a size such as 512M or 4G.");
  return value;
}

/** How many of the most likely tokens to report at each position. */
export const topCount = wholeNumber(0, MAX_TOP_LOGPROBS);

/** torchrun's --nproc_per_node: a count, "auto" or its synonym "cpu". The upper limit is checked later: the model is not open yet. */
export function rankCount(text: string): number | "auto" {
  if (text === "auto" || text === "cpu") return "auto";
  if (text === "gpu" || text === "xpu") throw new InvalidArgumentError("llama-ts runs on the CPU only.");
  if (text === "MP") {
    throw new InvalidArgumentError(
      "MP means the number of Meta's files (7B: 1, 13B: 2, 70B: 8). Expected any number of ranks.",
    );
  }
  if (!/^0*[1-9]\d*$/.test(text)) {
    throw new InvalidArgumentError("Expected auto or a whole number from 1 to the model's number of heads.");
  }
  return Number(text);
}
