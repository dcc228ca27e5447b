/** Checks the files of a checkpoint against Meta's checklists (md5) and their own CRCs. Knows files; reads no tensors. */
import { existsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { LlamaError } from "../../error.js";
import { checkFile } from "../../formats/checkpoint/file-checksum.js";
import { readWhole } from "../../formats/files/byte-source.js";
import { quoted } from "../../formats/files/quoted.js";
import { openFolder } from "./folder.js";

/** One line for each file of a folder; the largest models have some twenty. */
const MAX_CHECKLIST_BYTES = 1 << 20;
/** Meta's lists: of a model's files, and of the tokenizer's, which may lie in the folder above. */
const [MODEL_LIST, TOKENIZER_LIST] = ["checklist.chk", "tokenizer_checklist.chk"] as const;

export interface Verified {
  files: number;
  bytes: number;
  /** Files whose md5 stands in a checklist. */
  md5: number;
  /** Entries of archives whose CRC was checked. */
  crc: number;
  /** Names of files that no checklist has. */
  unlisted: string[];
}

/** Reads all files of a model once; throws a LlamaError for the first that is damaged, or the signal's reason. */
export async function verifyFiles(
  dir: string,
  tokenizerPath: string,
  onProgress: (bytes: number, total: number) => void,
  signal?: AbortSignal,
): Promise<Verified> {
  const descriptions = ["params.json", "config.json"].map((name) => join(dir, name)).filter((file) => existsSync(file));
  const files = [...openFolder(dir).files, ...descriptions, tokenizerPath];
  const sums = new Map([
    ...readChecklists(dir, [MODEL_LIST, TOKENIZER_LIST]),
    ...readChecklists(dirname(tokenizerPath), [TOKENIZER_LIST]),
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
      throw new LlamaError("model", "md5 is not that of the checklist", {
        ...{ where: file, expected, found: md5 },
        fix: "The file is damaged or another version: copy or download it again",
      });
    }
    result.md5++;
  }
  return result;
}

/** md5 by file name, from the lists of a folder that are there. */
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
        throw new LlamaError("model", `line ${i + 1} is no line of a checklist`, {
          ...{ where: file, expected: '"md5  filename"', found: quoted(line) },
          fix: "Get the checklist again, or leave out --verify",
        });
      }
      sums.set(path!.replace(/^\.\//, ""), md5.toLowerCase());
    }
  }
  return sums;
}

/** A shard that is listed but not there would else only show as a wrong shape. */
function checkPresent(dir: string, sums: ReadonlyMap<string, string>, files: readonly string[]): void {
  const present = new Set(files.map((file) => basename(file)));
  const missing = [...sums.keys()].find((name) => name.endsWith(".pth") && !present.has(name));
  if (missing === undefined) return;
  const fix = "Copy or download it again";
  throw new LlamaError("model", `${quoted(missing)} is in the checklist, but not in the folder`, { where: dir, fix });
}
