/** The command `inspect`: prints what a checkpoint is and what memory it needs. Does not load weights. */
import { findFiles, openModel } from "../../../generation/loading/open-model.js";
import { openCheckpoint } from "../../../model/checkpoint/checkpoint.js";
import { chooseModel } from "../../model/choose-model.js";
import { verify } from "../../model/verify.js";
import { ckptDirOf } from "../../options/script-word.js";
import { EXIT_OK } from "../../terminal/exit-code.js";
import { fitLines } from "../../terminal/fit-lines.js";
import { printNote } from "../../terminal/notes.js";
import { Output } from "../../terminal/output.js";
import { unusedLines } from "../../terminal/summary.js";
import { type InspectedModel, type InspectWishes, inspectionReport } from "./inspect-report.js";
import { inspectionText } from "./inspect-text.js";

export interface InspectFlags extends InspectWishes {
  ckpt_dir?: string | undefined;
  tokenizer_path?: string | undefined;
  json?: true | undefined;
  verify?: true | undefined;
}

/** Runs the command and returns the exit code. `dir` is the argument, a folder. */
export async function inspect(dir: string | undefined, flags: InspectFlags): Promise<number> {
  const { isDemo, maxSeqLen: _, ...folder } = chooseModel({ ...flags, ...ckptDirOf(dir, flags.ckpt_dir) });
  if (isDemo) printNote("No folder: inspecting the bundled demo model.");
  const files = findFiles(folder);
  const verified = flags.verify ? await verify(files, false) : null;
  const model = open(files);
  // Some errors of a tokenizer's file are found only when it is loaded.
  await model.tokenizer?.load();
  if (model.tokenizer === null) printNote("There is no tokenizer: the size of the vocabulary is that of the weights.");
  const { unexpected, differing, unknownParams, remarks = [] } = model.checkpoint;
  unusedLines({ unexpectedTensors: unexpected, differingTensors: differing, unknownParams, remarks }).forEach(
    printNote,
  );
  const report = inspectionReport(model, flags, verified);
  const output = new Output(process.stdout, () => {});
  await output.write(flags.json ? `${JSON.stringify(report)}\n` : fitLines(inspectionText(report)));
  return EXIT_OK;
}

/** Opens the model; without a tokenizer, the weights tell the size of its vocabulary. */
function open({ checkpoint, tokenizerPath }: ReturnType<typeof findFiles>): InspectedModel {
  if (tokenizerPath !== null) {
    const { tokenizer, checkpoint: opened } = openModel({ checkpoint, tokenizerPath });
    return { opened: checkpoint, tokenizerPath, tokenizer, checkpoint: opened };
  }
  const rows = checkpoint.vocabularyRows?.() ?? 0;
  return { opened: checkpoint, tokenizerPath, tokenizer: null, checkpoint: openCheckpoint(checkpoint, rows) };
}
