/**
 * How many plain characters may follow a state whatever they are: most tokens are such characters, which need no walk then (the
 * slices of llguidance, https://github.com/guidance-ai/llguidance). Does not know tokens.
 */
import type { State, States } from "./states.js";

/** Bytes that are a plain character by themselves: what JSON strings have unescaped. */
const SINGLE = Array.from({ length: 0x60 }, (_, i) => i + 0x20).filter((byte) => byte !== 0x22 && byte !== 0x5c);
/** First and second bytes of longer characters in UTF-8, and the bytes after them (RFC 3629, section 4). */
const LONGER: readonly (readonly [
  first: readonly [number, number],
  second: readonly [number, number],
  more: number,
])[] = [
  [[0xc2, 0xdf], [0x80, 0xbf], 0],
  [[0xe0, 0xe0], [0xa0, 0xbf], 1],
  [[0xe1, 0xec], [0x80, 0xbf], 1],
  [[0xed, 0xed], [0x80, 0x9f], 1],
  [[0xee, 0xef], [0x80, 0xbf], 1],
  [[0xf0, 0xf0], [0x90, 0xbf], 2],
  [[0xf1, 0xf3], [0x80, 0xbf], 2],
  [[0xf4, 0xf4], [0x80, 0x8f], 2],
];

/** Whether a text is plain characters and nothing else; `text` has one character a byte. Returns their number, or null. */
export function plainLength(text: string): number | null {
  const decoded = Buffer.from(text, "latin1").toString();
  if (text === "" || /[^ -\u{10FFFF}]|["\\\uFFFD]/u.test(decoded)) return null;
  return Array.from(decoded).length;
}

/** The number of plain characters up to `most` that may follow, any of them each time; null if only some may follow after some. */
export function plainRun(states: States, state: State, most: number): number | null {
  let at = state;
  for (let count = 0; count < most; count++) {
    const next = afterPlain(states, at);
    if (next === "some") return null;
    if (next === "none") return count;
    if (next === at) return most;
    at = next;
  }
  return most;
}

/** The one state after any plain character; else whether some or none may follow. */
function afterPlain(states: States, state: State): State | "some" | "none" {
  if (state.afterPlain !== undefined) return state.afterPlain;
  const result = findAfterPlain(states, state);
  state.afterPlain = result;
  return result;
}

function findAfterPlain(states: States, state: State): State | "some" | "none" {
  const { classes } = states.machine;
  const ends = new Set<State | null>();
  const single = new Set(SINGLE.map((byte) => classes[byte]!));
  for (const group of single) {
    ends.add(states.step(state, group));
    if (ends.size > 1) return "some";
  }
  for (const [first, second, more] of LONGER) {
    let reached = new Set<State | null>([state]);
    for (const range of [first, second, ...Array<readonly [number, number]>(more).fill([0x80, 0xbf])]) {
      reached = afterRange(states, reached, range);
      if (reached.size > 1) return "some";
    }
    for (const end of reached) ends.add(end);
    if (ends.size > 1) return "some";
  }
  const [end] = ends;
  return end ?? "none";
}

function afterRange(states: States, from: ReadonlySet<State | null>, [least, most]: readonly [number, number]) {
  const { classes } = states.machine;
  const reached = new Set<State | null>();
  for (const state of from) {
    if (state === null) reached.add(null);
    else for (let group = classes[least]!; group <= classes[most]!; group++) reached.add(states.step(state, group));
  }
  return reached;
}
