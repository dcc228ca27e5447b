/** The forms of a model's answers: compiled once and kept, and bound to the model's vocabulary. Does not know requests. */
import { encodeAfter, type Tokenizer } from "../../tokenizer/tokenizer.js";
import { checkSchema, compileForm } from "./compile-form.js";
import { Constraint } from "./constraint.js";
import { checkForm, type Form } from "./form.js";
import { MaskCache } from "./mask-cache.js";
import type { States } from "./states.js";
import { dropsSpace, tokenBytes } from "./token-bytes.js";
import { TokenTrie } from "./token-trie.js";

export { checkSchema, compileForm };

/** Compiled forms that are kept. */
const MAX_FORMS = 32;

export class CompiledForms {
  readonly #tokenizer: Tokenizer;
  readonly #count: number;
  /** By what was asked for, the last used last. */
  readonly #compiled = new Map<string, States>();
  #loading: Promise<void> | null = null;
  #masks: MaskCache | null = null;
  /** A token that begins with a space; null without one. */
  #spaceId: number | null = null;

  /** `rows`: tokens that the model has a logit for. */
  constructor(tokenizer: Tokenizer, rows: number) {
    this.#tokenizer = tokenizer;
    this.#count = Math.min(tokenizer.vocabSize, rows);
  }

  /** Checks and compiles a form. Throws LlamaError (usage) that names what is wrong in it. */
  compile(form: Form): States {
    checkForm(form);
    const key = JSON.stringify(form);
    const states = this.#compiled.get(key) ?? compileForm(form);
    this.#compiled.delete(key);
    this.#compiled.set(key, states);
    const [oldest] = this.#compiled.keys();
    if (this.#compiled.size > MAX_FORMS) this.#compiled.delete(oldest!);
    return states;
  }

  /** Reads the vocabulary, once; needed before `constraint`. */
  load(): Promise<void> {
    this.#loading ??= (async () => {
      const texts = await tokenBytes(this.#tokenizer, this.#count);
      const found = texts.findIndex((text) => /^ \w/.test(text));
      this.#spaceId = found < 0 ? null : found;
      this.#masks = new MaskCache(new TokenTrie(texts));
    })();
    return this.#loading;
  }

  /** Binds an answer after `promptIds`, which the stops may end where it is whole. */
  constraint(form: Form, promptIds: readonly number[], stopIds: ReadonlySet<number>): Constraint {
    const tokenizer = this.#tokenizer;
    return new Constraint({
      states: this.compile(form),
      masks: this.#masks!,
      stopIds,
      encode: (text) => (tokenizer.units === "bytes" ? tokenizer.encode(text) : encodeAfter(tokenizer, text)),
      dropsSpace: dropsSpace(tokenizer, promptIds, this.#spaceId),
    });
  }
}
