/** The buttons after a problem: try again, leave out the oldest turns. */
import { leaveOutOldest, retryLast } from "../actions/remedies.js";
import { conversation, isBusy } from "../state/store.js";
import type { Problem } from "../state/types.js";

const FULL = { chat: "Leave out the oldest turns", complete: "Continue from the end of the text alone" };

export function Remedies({ remedy }: Pick<Problem, "remedy">) {
  if (remedy === "none") return null;
  const isFull = remedy === "context-full";
  return (
    <button
      type="button"
      class="link-button"
      disabled={isBusy.value}
      onClick={() => void (isFull ? leaveOutOldest() : retryLast())}
    >
      {isFull ? FULL[conversation.value.mode] : "Try again"}
    </button>
  );
}
