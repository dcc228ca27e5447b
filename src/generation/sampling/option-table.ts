/**
 * The table of sampling options: a row has all that flags, settings, `/set`, requests and the library know of an option.
 * Does not know what an option does.
 */
import { biasById, decimal, positive, texts, type ValueKind, wholeNumber, wordOr } from "../options/value-kinds.js";

export interface SamplingOption<T = unknown> {
  /** In flags, settings files, `/set`, requests and errors. */
  readonly name: string;
  /** In the library. */
  readonly key: string;
  readonly kind: ValueKind<T>;
  /** In the library; without one the option is off, or its user chooses. */
  readonly default?: T;
  /** In the commands. */
  readonly commandDefault?: T;
  /** The value in the help of commands. */
  readonly argument: string;
  readonly help: string;
  /** False: the option is not a key of requests. */
  readonly isRequestKey?: false;
  /** False: `/set` does not know it. */
  readonly isSetting?: false;
  /** The value of `/set` that removes the option. */
  readonly unset?: string;
}

/** As in OpenAI's API: presence and frequency penalties range from -2 to 2. */
const penalty = decimal(-2, 2);
/** Most likely tokens reported beside each one at most. */
export const MAX_TOP_LOGPROBS = 100;

/** In the order of the help. */
export const SAMPLING_OPTIONS = [
  {
    name: "temperature",
    key: "temperature",
    kind: decimal(0),
    default: 0.6,
    commandDefault: 0.8,
    argument: "<t>",
    help: "sampling temperature; 0: always choose the most likely token",
  },
  {
    name: "top_p",
    key: "topP",
    kind: decimal(0, 1),
    default: 0.9,
    commandDefault: 0.95,
    argument: "<p>",
    help: "sample only from the most likely tokens with this total probability, 0 to 1",
  },
  {
    name: "top_k",
    key: "topK",
    kind: wholeNumber(0),
    default: 0,
    commandDefault: 0,
    argument: "<n>",
    help: "sample only from the n most likely tokens; 0: no limit",
  },
  {
    name: "min_p",
    key: "minP",
    kind: decimal(0, 1),
    default: 0,
    commandDefault: 0,
    argument: "<p>",
    help: "keep only tokens at least this fraction as likely as the most likely one",
  },
  {
    name: "repetition_penalty",
    key: "repetitionPenalty",
    kind: positive,
    default: 1,
    commandDefault: 1,
    argument: "<p>",
    help: "above 1: make tokens of the prompt and text less likely",
  },
  {
    name: "presence_penalty",
    key: "presencePenalty",
    kind: penalty,
    default: 0,
    commandDefault: 0,
    argument: "<p>",
    help: "subtract from the logit of every token already generated, -2 to 2",
  },
  {
    name: "frequency_penalty",
    key: "frequencyPenalty",
    kind: penalty,
    default: 0,
    commandDefault: 0,
    argument: "<p>",
    help: "subtract once per occurrence in the generated text, -2 to 2",
  },
  {
    name: "logit_bias",
    key: "logitBias",
    kind: biasById,
    default: {},
    isSetting: false,
    argument: "<id=bias>",
    help: "add to the logit of a token; -inf forbids it; repeatable",
  },
  {
    name: "max_gen_len",
    key: "maxGenLen",
    kind: wholeNumber(0),
    commandDefault: 256,
    argument: "<n>",
    help: "maximum number of new tokens",
  },
  {
    name: "stop",
    key: "stop",
    kind: texts,
    default: [],
    unset: "none",
    argument: "<text>",
    help: "stop before this text; repeatable",
  },
  {
    name: "seed",
    key: "seed",
    kind: wholeNumber(0, 2 ** 32 - 1),
    unset: "random",
    argument: "<n>",
    help: "make the text repeatable for the same number of ranks (default: random)",
  },
  {
    name: "prompt_lookup_num_tokens",
    key: "promptLookupNumTokens",
    kind: wordOr("auto", wholeNumber(0)),
    default: "auto",
    commandDefault: "auto",
    isRequestKey: false,
    isSetting: false,
    argument: "<n>",
    help: "tokens to draft from earlier text and verify in one step; 0: off",
  },
] as const satisfies readonly SamplingOption[];

export type SamplingName = (typeof SAMPLING_OPTIONS)[number]["name"];
export type SamplingKey = (typeof SAMPLING_OPTIONS)[number]["key"];

/** Without the types of single rows. */
export const SAMPLING_ROWS: readonly (SamplingOption & { readonly name: SamplingName; readonly key: SamplingKey })[] =
  SAMPLING_OPTIONS;
