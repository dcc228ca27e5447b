/** Checks the words of a command line that are not options. Does not know commands. */
import { LlamaError } from "../../error.js";
import { printNote } from "../terminal/notes.js";
import type { MessageFlags } from "./flags.js";
import type { TorchrunFlags } from "./torchrun-flags.js";

type ScriptFlags = Pick<TorchrunFlags, "module" | "no_python" | "run_path"> & Pick<MessageFlags, "quiet">;

/** The script, module or program that a pasted torchrun line names; none of them is run. */
export function scriptOf([word]: readonly string[], flags: ScriptFlags): string | undefined {
  const isAny = flags.module ?? flags.no_python ?? flags.run_path ?? false;
  return isAny || word?.endsWith(".py") ? word : undefined;
}

/** A pasted torchrun line may name a script, which is not run. Any other word is an error, most often a prompt without its option. */
export function checkWords(words: readonly string[], flags: ScriptFlags): void {
  const script = scriptOf(words, flags);
  const unexpected = words[script === undefined ? 0 : 1];
  if (unexpected !== undefined) {
    throw new LlamaError("usage", `unexpected argument '${unexpected}'`, {
      fix: 'Give a prompt as --prompt "..."; a command must come first',
    });
  }
  if (script !== undefined && !flags.quiet) printNote(`${script} is not run: llama-ts replaces it.`);
}

/** The folder of a model, given as a word or as --ckpt_dir. Throws LlamaError (usage) if both are given. */
export function ckptDirOf(dir: string | undefined, ckptDir: string | undefined): { ckpt_dir?: string } {
  if (dir !== undefined && ckptDir !== undefined) {
    throw new LlamaError("usage", "two folders given", { found: `${dir} and --ckpt_dir ${ckptDir}` });
  }
  const folder = dir ?? ckptDir;
  return folder === undefined ? {} : { ckpt_dir: folder };
}
