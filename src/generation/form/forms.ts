/** The door to forms: their engine is loaded while a model is, so that a start does not wait for it. Does not know what it does. */
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import type { CompiledForms } from "./compiled-forms.js";
import type { Constraint } from "./constraint.js";
import type { Form } from "./form.js";

type Engine = typeof import("./compiled-forms.js");
let engine: Engine | null = null;

/** Loads the engine, once in the process; needed before any form. */
export async function loadForms(): Promise<void> {
  engine ??= await import("./compiled-forms.js");
}

/** Checks and compiles a form without a model. Throws LlamaError (usage) that names what is wrong in it. */
export function tryForm(form: Form): void {
  engine!.compileForm(form);
}

export class Forms {
  readonly #tokenizer: Tokenizer;
  readonly #rows: number;
  #own: CompiledForms | null = null;

  /** `rows`: tokens that the model has a logit for. */
  constructor(tokenizer: Tokenizer, rows: number) {
    this.#tokenizer = tokenizer;
    this.#rows = rows;
  }

  /** Checks and compiles a form, which is then kept. Throws LlamaError (usage) that names what is wrong in it. */
  compile(form: Form): void {
    this.#compiled.compile(form);
  }

  /** Throws LlamaError (usage) for a schema that no answer can be bound to; `where`: its name in the message. */
  checkSchema(schema: object | boolean, where: string): void {
    engine!.checkSchema(schema, where);
  }

  /** Reads the vocabulary, once; needed before `constraint`. */
  async load(): Promise<void> {
    await loadForms();
    await this.#compiled.load();
  }

  /** Binds an answer after `promptIds`, which the stops may end where it is whole. */
  constraint(form: Form, promptIds: readonly number[], stopIds: ReadonlySet<number>): Constraint {
    return this.#compiled.constraint(form, promptIds, stopIds);
  }

  get #compiled(): CompiledForms {
    this.#own ??= new engine!.CompiledForms(this.#tokenizer, this.#rows);
    return this.#own;
  }
}
