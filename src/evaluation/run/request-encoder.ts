/** Encodes the texts of requests as lm-evaluation-harness does: where BOS stands, white space between texts, what is cut off. Runs nothing. */
import { LlamaError } from "../../error.js";
import { encodeLong } from "../../tokenizer/encoding/long-text.js";
import { stripEnd } from "../../tokenizer/encoding/python-whitespace.js";
import { prefixId, requireBos, type Tokenizer } from "../../tokenizer/tokenizer.js";
import type { EvalRequest } from "../tasks/task.js";
import { rollingWindows, type Window } from "./rolling-windows.js";

/** Whether texts begin with BOS; "auto": as the tokenizer has it. */
export type BosRule = "auto" | "yes" | "no";

/** New tokens of a text, unless its task says otherwise. */
const DEFAULT_GEN_TOKENS = 256;

/** A request in ids: parts whose log-likelihoods are added, or a prompt to continue. */
export type EncodedRequest =
  | {
      kind: "score";
      parts: Window[];
      /** Whether the first scored id is a BOS that is not of the text. */
      hasBos: boolean;
    }
  | { kind: "text"; promptIds: number[]; maxTokens: number; stop: string[] };

export class RequestEncoder {
  readonly #tokenizer: Tokenizer;
  readonly #maxLength: number;
  /** The id that every text begins with; null if the model has no such id. */
  readonly #bos: number | null;
  /** The last context and its ids: the choices of a document share it. */
  #last: { text: string; ids: number[] } = { text: "", ids: [] };

  /** `maxLength`: tokens that the model takes. Throws LlamaError (usage) if BOS is wanted of a tokenizer that has none. */
  constructor(tokenizer: Tokenizer, maxLength: number, rule: BosRule) {
    this.#tokenizer = tokenizer;
    this.#maxLength = maxLength;
    if (rule === "yes") this.#bos = requireBos(tokenizer);
    else this.#bos = rule === "auto" && tokenizer.addsBos ? tokenizer.bosId : null;
  }

  /** Throws LlamaError (usage) for a request that cannot be run. */
  encode(request: EvalRequest): EncodedRequest {
    if (request.kind === "generate") return this.#prompt(request);
    if (request.kind === "rolling") return this.#rolling(request.context);
    return { kind: "score", parts: [this.#fitted(this.#pair(request))], hasBos: false };
  }

  /**
   * White space at the end of the context belongs to the continuation; both are encoded as one text, of which the context has as
   * many ids as it has by itself (TemplateLM._encode_pair).
   */
  #pair({ context, continuation }: EvalRequest): Window {
    const stripped = stripEnd(context);
    if (stripped === "") {
      const ids = this.#encode(context + continuation, false);
      const prefix = prefixId(this.#tokenizer);
      return ids[0] === prefix
        ? { context: ids.slice(0, 1), continuation: ids.slice(1) }
        : { context: [prefix], continuation: ids };
    }
    if (this.#last.text !== stripped) this.#last = { text: stripped, ids: this.#encode(stripped, true) };
    const own = this.#last.ids;
    return { context: own, continuation: this.#encode(context + continuation, true).slice(own.length) };
  }

  /** The last ids that fit: as the last one is not run, one more than the model takes. */
  #fitted({ context, continuation }: Window): Window {
    const fix = "Use another --max_seq_len, or leave out the document";
    if (continuation.length === 0) throw new LlamaError("usage", "continuation has no tokens", { fix });
    if (continuation.length > this.#maxLength) {
      const [expected, found] = [`at most ${this.#maxLength} tokens`, String(continuation.length)];
      throw new LlamaError("usage", "continuation is longer than the context of the model", { expected, found, fix });
    }
    const cut = Math.max(0, context.length + continuation.length - this.#maxLength - 1);
    return { context: context.slice(cut), continuation };
  }

  #rolling(text: string): EncodedRequest {
    const ids = this.#withBos(encodeLong(this.#tokenizer, text), true);
    const parts = rollingWindows(ids, prefixId(this.#tokenizer), this.#maxLength);
    return { kind: "score", parts, hasBos: this.#bos !== null };
  }

  /** The text of EOS ends a text too, should the model write it in letters. */
  #prompt({ context, until = [], maxGenToks: maxTokens = DEFAULT_GEN_TOKENS }: EvalRequest): EncodedRequest {
    const room = this.#maxLength - maxTokens;
    if (room <= 0) {
      throw new LlamaError("usage", "has no room for a prompt beside the new tokens of this task", {
        where: `a context of ${this.#maxLength} tokens`,
        expected: `more than ${maxTokens}`,
        fix: "Raise --max_seq_len",
      });
    }
    const { eos } = this.#tokenizer.tokenNames;
    const stop = [...until, ...(eos === null ? [] : [eos])].filter((one) => one !== "");
    return { kind: "text", promptIds: this.#encode(context, true).slice(-room), maxTokens, stop: [...new Set(stop)] };
  }

  #encode(text: string, bos: boolean): number[] {
    return this.#withBos(this.#tokenizer.encode(text), bos);
  }

  #withBos(ids: number[], bos: boolean): number[] {
    if (bos && this.#bos !== null && ids[0] !== this.#bos) ids.unshift(this.#bos);
    return ids;
  }
}

/** A text up to the first of each stop string in turn (postprocess_generated_text). */
export function cutAtStops(text: string, stop: readonly string[]): string {
  return stop.reduce((rest, one) => (one === "" ? rest : rest.split(one)[0]!), text);
}
