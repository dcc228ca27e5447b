/** Writes the files of an evaluation: OUT/MODEL/results_TIME.json and samples_TASK_TIME.jsonl, each whole or not at all. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { AtomicFile } from "../../formats/files/atomic-file.js";
import { fileError } from "../../formats/files/file-error.js";
import type { TaskResult } from "../run/evaluation.js";
import { type Outcome, resultsJson, sanitized } from "./results-json.js";
import { sampleLines } from "./sample-lines.js";

/** Characters that are written at once. */
const PIECE = 1 << 20;

/** The folder of a model's outputs below `out`, made if it is not there. Throws LlamaError (usage). */
export function modelFolder(out: string, modelName: string): string {
  const folder = join(out, sanitized(modelName));
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw fileError(folder, error, "usage", { doing: "written" });
  }
  return folder;
}

/** Returns the paths, that of the results first. Samples go first to the disk, so that results never name some that are not there. */
export async function writeOutcome(folder: string, outcome: Outcome, withSamples: boolean): Promise<string[]> {
  const time = new Date(outcome.facts.date * 1000).toISOString().slice(0, -1).replaceAll(":", "-");
  const paths: string[] = [];
  const add = async (kind: string, { task }: TaskResult, lines: Iterable<string>) => {
    const path = join(folder, `${kind}_${sanitized(task.name)}_${time}.jsonl`);
    await write(path, lines);
    paths.push(path);
  };
  for (const result of outcome.results) {
    if (withSamples) await add("samples", result, sampleLines(result));
    const lines = completionLines(result);
    if (lines) await add("completions", result, lines);
  }
  const path = join(folder, `results_${time}.json`);
  await write(path, [JSON.stringify(resultsJson(outcome), null, 2)]);
  return [path, ...paths];
}

/** The lines that a task's own scorer reads, of tasks that are scored elsewhere. */
function completionLines({ task, documents }: TaskResult): string[] | null {
  if (!task.completions) return null;
  return documents.flatMap(({ instance, responses, scored }) =>
    scored ? task.completions!(instance.doc, responses).map((line) => JSON.stringify(line)) : [],
  );
}

async function write(path: string, lines: Iterable<string>): Promise<void> {
  const file = await AtomicFile.create(path);
  let piece = "";
  for (const line of lines) {
    piece += `${line}\n`;
    if (piece.length < PIECE) continue;
    await file.write(piece);
    piece = "";
  }
  await file.write(piece);
  await file.finish();
}
