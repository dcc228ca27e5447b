/** A chat template: a Jinja source that renders messages as one text. The library is loaded with the first. Does not know tokens. */
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import type * as Jinja from "@huggingface/jinja";
import { LlamaError } from "../../error.js";
import { RaisedByTemplate, setGlobals } from "./globals.js";
import { createInterpreter } from "./interpreter.js";
import { checkSource, LimitError, Limits } from "./limits.js";

/** A message as templates see it. Keys that are absent are undefined there. */
export interface TemplateMessage {
  role: string;
  content: string;
  /** Of an answer; templates write the arguments as JSON themselves. */
  tool_calls?: readonly { id: string; type: "function"; function: { name: string; arguments: object } }[];
  /** Of a result: the call that it answers, and the tool's name. */
  tool_call_id?: string;
  name?: string;
}

/** Names of tokens, as templates see them: bos_token and so on. A null is undefined there, as in transformers. */
export type TemplateNames = Readonly<Record<string, string | null>>;

/** Loads a package when it is first needed, without waiting. */
const load = createRequire(import.meta.url);

export class ChatTemplate {
  readonly source: string;
  /** What the messages of errors call it. */
  readonly #where: string;
  readonly #names: TemplateNames;
  #parsed: { jinja: typeof Jinja; program: ReturnType<typeof Jinja.parse> } | null = null;

  constructor(source: string, names: TemplateNames, where = "the chat template") {
    this.source = source;
    this.#names = names;
    this.#where = where;
  }

  /** SHA-256 of the source, in hexadecimal. */
  get hash(): string {
    return createHash("sha256").update(this.source).digest("hex");
  }

  /** Throws LlamaError (usage) for a source that is not Jinja. */
  check(): void {
    this.#parse();
  }

  /**
   * The text of messages, with the start of an answer if asked for. `tools`: what the model may call, as transformers gives it
   * to templates. Throws LlamaError (usage) for what the template refuses or gets wrong.
   */
  render(
    messages: readonly TemplateMessage[],
    addGenerationPrompt: boolean,
    now = new Date(),
    tools: readonly object[] | null = null,
  ): string {
    const { jinja, program } = this.#parse();
    const limits = new Limits(sizeOf(messages) + (tools === null ? 0 : JSON.stringify(tools).length));
    const environment = new jinja.Environment();
    setGlobals(environment, limits, now);
    const given = Object.entries(this.#names).filter(([, name]) => name !== null);
    const variables = { messages, tools, documents: null, add_generation_prompt: addGenerationPrompt };
    for (const [name, value] of [...Object.entries(variables), ...given]) environment.set(name, value);
    try {
      return String(createInterpreter(jinja, environment, limits).run(program).value);
    } catch (cause) {
      throw this.#failure(cause);
    }
  }

  #parse() {
    if (this.#parsed) return this.#parsed;
    checkSource(this.source, this.#where);
    const jinja = load("@huggingface/jinja") as typeof Jinja;
    try {
      const options = { lstrip_blocks: true, trim_blocks: true };
      // Jinja has one kind of line end.
      const program = jinja.parse(jinja.tokenize(this.source.replace(/\r\n?/g, "\n"), options));
      this.#parsed = { jinja, program };
      return this.#parsed;
    } catch (cause) {
      const isCut = cause instanceof TypeError;
      const found = isCut ? "an end within a statement" : oneLine(cause);
      throw new LlamaError("usage", "is not a Jinja template that can be read", { where: this.#where, found, cause });
    }
  }

  #failure(cause: unknown): LlamaError {
    const where = this.#where;
    if (cause instanceof RaisedByTemplate) {
      return new LlamaError("usage", `refuses the messages: ${oneLine(cause)}`, { where, cause });
    }
    if (cause instanceof LimitError || cause instanceof RangeError) {
      const found = cause instanceof RangeError ? "too deep a nesting" : oneLine(cause);
      return new LlamaError("usage", "goes beyond what a template may use", { where, found, cause });
    }
    return new LlamaError("usage", "cannot render the messages", { where, found: oneLine(cause), cause });
  }
}

/** Characters of messages. */
function sizeOf(messages: readonly TemplateMessage[]): number {
  return messages.reduce((sum, { role, content, tool_calls: calls }) => {
    return sum + role.length + content.length + (calls ? JSON.stringify(calls).length : 0);
  }, 0);
}

/** The message of an error in one line, of a length that can be read. */
function oneLine(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return message.replace(/\s+/g, " ").trim().slice(0, 300);
}
