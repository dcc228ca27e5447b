/** Chooses the model: the folder of --ckpt_dir, or the demo model of the package. Does not open any file. */
import { fileURLToPath } from "node:url";
import { LlamaError } from "../../error.js";
import type { BuildOptions } from "../../index.js";
import type { GenerateFlags } from "../options/flags.js";

const DEMO_DIR = fileURLToPath(new URL("../../../../models/demo", import.meta.url));

/** Context length that the demo model was trained with. */
const DEMO_MAX_SEQ_LEN = 512;

export interface ModelChoice extends Pick<BuildOptions, "ckptDir" | "tokenizerPath" | "maxSeqLen"> {
  isDemo: boolean;
}

export function chooseModel(flags: Pick<GenerateFlags, "ckpt_dir" | "tokenizer_path" | "max_seq_len">): ModelChoice {
  const { ckpt_dir, tokenizer_path, max_seq_len } = flags;
  if (ckpt_dir === undefined) {
    if (tokenizer_path !== undefined) throw new LlamaError("usage", "--tokenizer_path needs --ckpt_dir");
    return { ckptDir: DEMO_DIR, maxSeqLen: max_seq_len ?? DEMO_MAX_SEQ_LEN, isDemo: true };
  }
  return {
    ckptDir: ckpt_dir,
    ...(tokenizer_path !== undefined && { tokenizerPath: tokenizer_path }),
    ...(max_seq_len !== undefined && { maxSeqLen: max_seq_len }),
    isDemo: false,
  };
}
