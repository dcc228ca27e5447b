/** Runs `--verify`: checks the files of a model before they are used, with progress. Does not compute checksums itself. */
import { plural } from "../../formats/files/amounts.js";
import type { ModelFiles } from "../../generation/loading/open-model.js";
import { type Verified, verifyFiles } from "../../model/checkpoint/verify-files.js";
import { LoadProgress } from "../terminal/status-line.js";

/** Throws LlamaError if a file is damaged. */
export async function verify(
  { checkpoint, tokenizerPath }: Pick<ModelFiles, "checkpoint"> & { tokenizerPath: string | null },
  quiet: boolean | undefined,
  signal?: AbortSignal,
): Promise<Verified> {
  const progress = new LoadProgress("Verifying", "auto", !quiet);
  try {
    const onProgress = progress.update.bind(progress);
    return await verifyFiles(checkpoint, tokenizerPath, onProgress, signal);
  } finally {
    progress.stop();
  }
}

/** "Verified 3 files: 3 md5 sums of checklists, 49 CRCs of archives." */
export function verifiedLine({ files, md5, crc, unlisted }: Verified): string {
  if (md5 === 0 && crc === 0) return `Cannot verify ${plural(files, "file")}: no checklist.chk and no CRCs.`;
  const sums = md5 === 0 ? "no checklist.chk" : `${plural(md5, "md5 sum")} of checklists`;
  const line = `Verified ${plural(files, "file")}: ${sums}, ${plural(crc, "CRC")} of archives.`;
  return md5 === 0 || unlisted.length === 0 ? line : `${line} Not in a checklist: ${unlisted.join(", ")}.`;
}
