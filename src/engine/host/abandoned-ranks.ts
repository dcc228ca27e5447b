/** Keeps the threads of ranks that did not leave in time, which hold up a normal end of the process. Does not know why they hang. */

interface Thread {
  /** -1 after its end. */
  readonly threadId: number;
  unref(): void;
  once(event: "exit", listener: () => void): unknown;
}

const abandoned = new Set<Thread>();

/** The threads no longer keep the process alive; each counts as abandoned until it ends. */
export function abandon(threads: readonly Thread[]): void {
  for (const thread of threads) {
    if (thread.threadId === -1) continue;
    thread.unref();
    abandoned.add(thread);
    thread.once("exit", () => abandoned.delete(thread));
  }
}

/** Whether a rank's thread still runs that nobody waits for: a normal end of the process would wait for it. */
export function hasAbandonedRanks(): boolean {
  return abandoned.size > 0;
}
