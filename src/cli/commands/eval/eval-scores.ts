/** `eval scores`: shows the figures of texts that another program has scored. */
import { readFileSync } from "node:fs";
import { type OutsideFigure, readOutsideScores } from "../../../evaluation/benchmarks/outside-scores.js";
import { fileError } from "../../../formats/files/file-error.js";
import { decodeText } from "../../../formats/files/text.js";
import { EXIT_OK } from "../../terminal/exit-code.js";
import { Output } from "../../terminal/output.js";
import { tableText } from "../../terminal/table.js";

/** Runs the command and returns the exit code. */
export async function showScores(file: string, flags: { json?: true | undefined }): Promise<number> {
  const figures = readOutsideScores(decodeText(read(file), file), file);
  const text = flags.json ? `${JSON.stringify(figures)}\n` : table(figures);
  await new Output(process.stdout, () => {}).write(text);
  return EXIT_OK;
}

function read(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw fileError(file, cause, "usage");
  }
}

function table(figures: readonly OutsideFigure[]): string {
  const number = (value: number | null | undefined) => value?.toFixed(4) ?? "";
  const columns = [
    { title: "measure", isText: true as const, cell: ({ measure }: OutsideFigure) => measure },
    { title: "n", cell: ({ count }: OutsideFigure) => String(count) },
    { title: "value", cell: ({ value }: OutsideFigure) => number(value) },
    { title: "stderr", cell: ({ stderr }: OutsideFigure) => number(stderr) },
    {
      title: "95 % interval",
      cell: ({ interval }: OutsideFigure) => (interval ?? []).map(number).join(" to "),
    },
  ];
  return tableText(columns, figures);
}
