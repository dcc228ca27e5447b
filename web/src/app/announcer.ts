/** Tells a screen reader what is written: whole sentences, not tokens. */
import { effect } from "@preact/signals";
import { announcement, live } from "../state/store.js";

/** Characters after which even a text without an end of a sentence is read. */
const LONG = 300;

/** Begins to announce. */
export function startAnnouncer(): void {
  let turn: string | null | undefined;
  let read = 0;
  effect(() => {
    const { value } = live;
    if (value === null) {
      turn = undefined;
      return;
    }
    if (turn !== value.turn) {
      turn = value.turn;
      read = value.text.length;
    }
    const fresh = value.text.slice(read);
    const end = Math.max(...[". ", "! ", "? ", "\n"].map((mark) => fresh.lastIndexOf(mark)));
    if (end < 0 && fresh.length < LONG) return;
    const until = end < 0 ? fresh.length : end + 1;
    announcement.value = fresh.slice(0, until).trim();
    read += until;
  });
}
