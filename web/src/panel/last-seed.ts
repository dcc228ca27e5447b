/** The seed of the newest answer that is shown. Does not know elements. */
import { lastStats } from "../actions/complete-actions.js";
import { conversation, path } from "../state/store.js";

/** Null if there is no answer, or its seed is not known. */
export function lastSeed(): number | null {
  if (conversation.value.mode === "complete") return lastStats.value?.seed ?? null;
  return path.value.findLast(({ stats }) => stats !== null)?.stats?.seed ?? null;
}
