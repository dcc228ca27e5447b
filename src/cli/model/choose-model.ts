/** Chooses the model: the folder of --ckpt_dir, or the demo model of the package, with a note. Does not open any file. */
import { existsSync } from "node:fs";
import { LlamaError } from "../../error.js";
import { demoModel } from "../../generation/loading/demo-model.js";
import type { BuildOptions } from "../../index.js";
import type { GenerateFlags } from "../options/flags.js";
import { printNote } from "../terminal/notes.js";

export interface ModelChoice extends Pick<BuildOptions, "ckptDir" | "tokenizerPath" | "maxSeqLen"> {
  isDemo: boolean;
}

export function chooseModel(flags: Pick<GenerateFlags, "ckpt_dir" | "tokenizer_path" | "max_seq_len">): ModelChoice {
  const { ckpt_dir, tokenizer_path, max_seq_len } = flags;
  if (ckpt_dir === undefined) {
    if (tokenizer_path !== undefined) throw new LlamaError("usage", "--tokenizer_path needs --ckpt_dir");
    const { ckptDir, maxSeqLen } = demoModel;
    return { ckptDir, maxSeqLen: max_seq_len ?? maxSeqLen, isDemo: true };
  }
  checkPlaceholder("--ckpt_dir", ckpt_dir);
  if (tokenizer_path !== undefined) checkPlaceholder("--tokenizer_path", tokenizer_path);
  return {
    ckptDir: ckpt_dir,
    ...(tokenizer_path !== undefined && { tokenizerPath: tokenizer_path }),
    ...(max_seq_len !== undefined && { maxSeqLen: max_seq_len }),
    isDemo: false,
  };
}

/** The words that README and articles of the first LLaMA leave for the reader to replace. */
function checkPlaceholder(option: string, path: string): void {
  const [word] = /\$?\{?TARGET_FOLDER\b\}?|\bmodel_size\b/.exec(path) ?? [];
  if (word === undefined || existsSync(path)) return;
  const meaning = word === "model_size" ? "the model's folder, such as 7B" : "the folder of the downloaded models";
  throw new LlamaError("usage", `${word} means ${meaning}`, {
    where: `${option} ${path}`,
    fix: "Put yours in its place",
  });
}

/** Prints which model runs if the user named none. */
export function noteDemo({ isDemo }: ModelChoice, { quiet }: Pick<GenerateFlags, "quiet">): void {
  if (isDemo && !quiet) printNote("No --ckpt_dir: running the bundled demo model, which writes short stories.");
}
