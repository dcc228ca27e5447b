/** The door to forms: their engine is loaded with the first form that is asked for. Does not know what it does. */
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import type { CompiledForms } from "./compiled-forms.js";
import type { Constraint } from "./constraint.js";
import type { Form } from "./form.js";

type Engine = typeof import("./compiled-forms.js");
const engine = (): Promise<Engine> => import("./compiled-forms.js");

/** Checks and compiles a form without a model. Throws LlamaError (usage) that names what is wrong in it. */
export async function tryForm(form: Form): Promise<void> {
  const { compileForm } = await engine();
  compileForm(form);
}

/** The check of schemas that answers are to be bound to: it throws LlamaError (usage) that begins with `where`. */
export async function schemaCheck(): Promise<(schema: object | boolean, where: string) => void> {
  const { checkSchema } = await engine();
  return checkSchema;
}

export class Forms {
  readonly #tokenizer: Tokenizer;
  readonly #rows: number;
  #compiled: CompiledForms | null = null;

  /** `rows`: tokens that the model has a logit for. */
  constructor(tokenizer: Tokenizer, rows: number) {
    this.#tokenizer = tokenizer;
    this.#rows = rows;
  }

  /** Checks and compiles a form, which is then kept. Throws LlamaError (usage) that names what is wrong in it. */
  async compile(form: Form): Promise<void> {
    const { CompiledForms } = await engine();
    this.#compiled ??= new CompiledForms(this.#tokenizer, this.#rows);
    this.#compiled.compile(form);
  }

  /** Compiles a form, and reads the vocabulary once; needed before `constraint`. */
  async prepare(form: Form): Promise<void> {
    await this.compile(form);
    await this.#compiled!.load();
  }

  /** Binds an answer after `promptIds`, which the stops may end where it is whole. */
  constraint(form: Form, promptIds: readonly number[], stopIds: ReadonlySet<number>): Constraint {
    return this.#compiled!.constraint(form, promptIds, stopIds);
  }
}
