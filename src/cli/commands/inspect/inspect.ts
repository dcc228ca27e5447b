/** The command `inspect`: prints what a checkpoint is and what memory it needs. Does not load weights. */
import { LlamaError } from "../../../error.js";
import { findModel, openModel } from "../../../generation/loading/open-model.js";
import { chooseModel } from "../../model/choose-model.js";
import { verify } from "../../model/verify.js";
import { EXIT_OK } from "../../terminal/exit-code.js";
import { printNote } from "../../terminal/notes.js";
import { Output } from "../../terminal/output.js";
import { unusedLines } from "../../terminal/summary.js";
import { inspectionReport } from "./inspect-report.js";
import { inspectionText } from "./inspect-text.js";

export interface InspectFlags {
  ckpt_dir?: string | undefined;
  tokenizer_path?: string | undefined;
  max_seq_len?: number | undefined;
  json?: true | undefined;
  verify?: true | undefined;
}

/** Runs the command and returns the exit code. `dir` is the argument, a folder. */
export async function inspect(dir: string | undefined, flags: InspectFlags): Promise<number> {
  if (dir !== undefined && flags.ckpt_dir !== undefined) {
    throw new LlamaError("usage", "two folders given", { found: `${dir} and --ckpt_dir ${flags.ckpt_dir}` });
  }
  const { isDemo, maxSeqLen: _, ...folder } = chooseModel({ ...flags, ckpt_dir: dir ?? flags.ckpt_dir });
  if (isDemo) printNote("No folder: inspecting the bundled demo model.");
  const files = findModel(folder);
  const verified = flags.verify ? await verify(files, false) : null;
  const model = openModel(files);
  // Some errors of a tokenizer's file are found only when it is loaded.
  await model.tokenizer.load();
  const { unexpected, differing, unknownParams, remarks = [] } = model.checkpoint;
  unusedLines({ unexpectedTensors: unexpected, differingTensors: differing, unknownParams, remarks }).forEach(
    printNote,
  );
  const report = inspectionReport(model, flags.max_seq_len, verified);
  const output = new Output(process.stdout, () => {});
  await output.write(flags.json ? `${JSON.stringify(report)}\n` : inspectionText(report));
  return EXIT_OK;
}
