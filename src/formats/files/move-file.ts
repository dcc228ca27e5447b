/** Renames a file or a folder; on Windows it tries again while another program has it open. Does not know what it moves. */
import { renameSync } from "node:fs";
import { rename } from "node:fs/promises";
import { platform } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

/** What Windows answers while a virus scanner, an indexer or another run has a file open. */
const BUSY = ["EPERM", "EACCES", "EBUSY"];
/** Milliseconds before each further try: 1.5 s in total. */
const PAUSES = [10, 20, 40, 80, 150, 300, 400, 500];

interface MoveOptions {
  /** Whether a refusal may pass: on Windows. */
  isRetried?: boolean;
}

/** Throws the last error. */
export async function moveFile(from: string, to: string, { isRetried = onWindows() }: MoveOptions = {}): Promise<void> {
  for (const pause of isRetried ? PAUSES : []) {
    try {
      return await rename(from, to);
    } catch (error) {
      if (!isBusy(error)) throw error;
    }
    await sleep(pause);
  }
  await rename(from, to);
}

/** The same for code that cannot wait for a promise: the thread stands still meanwhile. */
export function moveFileSync(from: string, to: string, { isRetried = onWindows() }: MoveOptions = {}): void {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (const pause of isRetried ? PAUSES : []) {
    try {
      renameSync(from, to);
      return;
    } catch (error) {
      if (!isBusy(error)) throw error;
    }
    Atomics.wait(clock, 0, 0, pause);
  }
  renameSync(from, to);
}

function onWindows(): boolean {
  return platform() === "win32";
}

function isBusy(error: unknown): boolean {
  return BUSY.includes((error as NodeJS.ErrnoException).code ?? "");
}
