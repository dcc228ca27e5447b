/** Checks the words of a command line that are not options. Does not know commands. */
import { LlamaError } from "../../error.js";
import { printNote } from "../terminal/notes.js";

/** A pasted torchrun line may name a script, which is not run. Any other word is an error, most often a prompt without its option. */
export function checkWords(words: readonly string[], { quiet }: { quiet?: true | undefined }): void {
  const [script, ...rest] = words;
  if (script === undefined) return;
  const unexpected = script.endsWith(".py") ? rest[0] : script;
  if (unexpected !== undefined) {
    throw new LlamaError("usage", `unexpected argument '${unexpected}'`, {
      fix: 'Give a prompt as --prompt "..."; a command must come first',
    });
  }
  if (!quiet) printNote(`${script} is not run: llama-ts replaces it.`);
}
