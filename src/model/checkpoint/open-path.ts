/** Opens a path by its checkpoint format, the first that fits; explains a path without any. */
import { dirname, join } from "node:path";
import { LlamaError } from "../../error.js";
import { stampOf } from "../../formats/files/file-stamp.js";
import type { CheckpointFormat, CheckpointPath, OpenedCheckpoint } from "./checkpoint-format.js";
import { listPath } from "./folder.js";
import { ggufFormat } from "./gguf-format.js";
import { huggingFaceFormat } from "./hugging-face-format.js";
import { metaFormat } from "./meta-format.js";

/** The first format whose files are complete is used. Without one, the first with weights is, whose error names the missing file. */
const FORMATS: readonly CheckpointFormat[] = [metaFormat, huggingFaceFormat, ggufFormat];

/** Reads the description of the model at a path. Throws a LlamaError if there is no model of a known format. */
export function openPath(path: string): OpenedCheckpoint {
  const place = listPath(path);
  const format = formatOf(place);
  if (format === undefined) throw noCheckpoint(place);
  const opened = format.open(place);
  return { ...opened, stamps: [...opened.descriptions, ...opened.files].map(stampOf) };
}

function formatOf(place: CheckpointPath): CheckpointFormat | undefined {
  const matches = FORMATS.map((format) => ({ format, match: format.detect(place) }));
  const found = matches.find(({ match }) => match === "complete") ?? matches.find(({ match }) => match === "partial");
  return found?.format;
}

function noCheckpoint({ path, names }: CheckpointPath): LlamaError {
  if (names === null) {
    const fix = `Name the folder that contains the checkpoint, for example ${dirname(path)}`;
    return new LlamaError("model", "is neither a folder nor a GGUF file", { where: path, fix });
  }
  const nested = names.map((name) => join(path, name)).filter(hasCheckpoint);
  const details = nested.length > 0 ? { fix: `Did you mean ${nested.join(" or ")}?` } : {};
  return new LlamaError("model", `no checkpoint files found in ${path}`, details);
}

function hasCheckpoint(path: string): boolean {
  try {
    return formatOf(listPath(path)) !== undefined;
  } catch {
    return false; // for example a folder without read permission
  }
}
