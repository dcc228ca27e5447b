/** The demo model of the package: a tiny LLaMA that writes short stories. Does not open any file. */
import { fileURLToPath } from "node:url";
import type { BuildOptions } from "./build-options.js";

/** Options for Llama.build(): its folder, and the context length that it was trained with. */
export const demoModel: Required<Pick<BuildOptions, "ckptDir" | "maxSeqLen">> = {
  ckptDir: fileURLToPath(new URL("../../../../models/demo", import.meta.url)),
  maxSeqLen: 512,
};
