/** The door to forms: their engine is loaded with the first form that is asked for. Does not know what it does. */
import type { Tokenizer } from "../../tokenizer/tokenizer.js";
import type { CompiledForms } from "./compiled-forms.js";
import type { Constraint } from "./constraint.js";
import { checkForm, type Form } from "./form.js";

export class Forms {
  readonly #tokenizer: Tokenizer;
  readonly #rows: number;
  #compiled: CompiledForms | null = null;

  /** `rows`: tokens that the model has a logit for. */
  constructor(tokenizer: Tokenizer, rows: number) {
    this.#tokenizer = tokenizer;
    this.#rows = rows;
  }

  /** Compiles a form and reads the vocabulary; then `constraint` does not wait. Throws LlamaError (usage) that names what is wrong in the form. */
  async prepare(form: Form): Promise<void> {
    checkForm(form);
    if (this.#compiled === null) {
      const { CompiledForms } = await import("./compiled-forms.js");
      this.#compiled ??= new CompiledForms(this.#tokenizer, this.#rows);
    }
    this.#compiled.compile(form);
    await this.#compiled.load();
  }

  /** Binds an answer after `promptIds`, which the stops may end where it is whole. The form was prepared. */
  constraint(form: Form, promptIds: readonly number[], stopIds: ReadonlySet<number>): Constraint {
    return this.#compiled!.constraint(form, promptIds, stopIds);
  }
}
