/** Checks the files of a checkpoint against Meta's checklists (md5) and against their own CRCs. Does not know tensors. */
import { existsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { LlamaError } from "../../error.js";
import { checkFile } from "../../formats/checkpoint/file-checksum.js";
import { readWhole } from "../../formats/files/byte-source.js";
import { quoted } from "../../formats/files/quoted.js";
import type { OpenedCheckpoint } from "./checkpoint-format.js";

/** One line for each file of a folder; the largest models have about twenty. */
const MAX_CHECKLIST_BYTES = 1 << 20;
/** Meta's lists: one for a model's files, one for the tokenizer's, which may be in the parent folder. */
const [MODEL_LIST, TOKENIZER_LIST] = ["checklist.chk", "tokenizer_checklist.chk"] as const;

export interface Verified {
  files: number;
  bytes: number;
  /** Files whose md5 is in a checklist. */
  md5: number;
  /** Entries of archives whose CRC was checked. */
  crc: number;
  /** Names of files that are in no checklist. */
  unlisted: string[];
}

/** Reads all files of a model once; throws a LlamaError for the first damaged file, or the signal's reason. */
export async function verifyFiles(
  checkpoint: Pick<OpenedCheckpoint, "files" | "descriptions">,
  tokenizerPath: string | null,
  onProgress: (bytes: number, total: number) => void,
  signal?: AbortSignal,
): Promise<Verified> {
  // A tokenizer may be part of a weight file.
  const tokenizer = tokenizerPath === null ? [] : [tokenizerPath];
  const files = [...new Set([...checkpoint.files, ...checkpoint.descriptions, ...tokenizer])];
  const dir = dirname(files[0]!);
  const sums = new Map([
    ...readChecklists(dir, [MODEL_LIST, TOKENIZER_LIST]),
    ...tokenizer.flatMap((path) => [...readChecklists(dirname(path), [TOKENIZER_LIST])]),
  ]);
  checkPresent(dir, sums, files);
  const total = files.reduce((sum, file) => sum + statSync(file).size, 0);
  const result: Verified = { files: files.length, bytes: total, md5: 0, crc: 0, unlisted: [] };
  let done = 0;
  for (const file of files) {
    const { md5, entries } = await checkFile(
      file,
      (bytes) => {
        done += bytes;
        onProgress(done, total);
      },
      signal,
    );
    result.crc += entries;
    const expected = sums.get(basename(file));
    if (expected === undefined) {
      result.unlisted.push(basename(file));
      continue;
    }
    if (expected !== md5) {
      throw new LlamaError("model", "md5 does not match the checklist", {
        ...{ where: file, expected, found: md5 },
        fix: "The file is damaged or of another version: copy or download it again",
      });
    }
    result.md5++;
  }
  return result;
}

/** md5 by file name, from those of the named lists that exist in a folder. */
function readChecklists(dir: string, names: readonly string[]): Map<string, string> {
  const sums = new Map<string, string>();
  for (const name of names) {
    const file = join(dir, name);
    if (!existsSync(file)) continue;
    const text = Buffer.from(readWhole(file, MAX_CHECKLIST_BYTES, "a checklist")).toString("utf8");
    for (const [i, line] of text.split(/\r?\n/).entries()) {
      if (line.trim() === "") continue;
      const [, md5, path] = /^([0-9a-fA-F]{32}) [ *]?(\S.*?)\s*$/.exec(line) ?? [];
      if (md5 === undefined) {
        throw new LlamaError("model", `line ${i + 1} is not a line of a checklist`, {
          ...{ where: file, expected: '"md5  filename"', found: quoted(line) },
          fix: "Download the checklist again, or omit --verify",
        });
      }
      sums.set(path!.replace(/^\.\//, ""), md5.toLowerCase());
    }
  }
  return sums;
}

/** Checks that all listed shards exist; a missing one would otherwise only cause a shape error. */
function checkPresent(dir: string, sums: ReadonlyMap<string, string>, files: readonly string[]): void {
  const present = new Set(files.map((file) => basename(file)));
  const missing = [...sums.keys()].find((name) => name.endsWith(".pth") && !present.has(name));
  if (missing === undefined) return;
  const fix = "Copy or download it again";
  throw new LlamaError("model", `${quoted(missing)} is in the checklist but not in the folder`, { where: dir, fix });
}
