/** What is another with each run or on each machine in what the program prints, and therefore not compared; all else is, byte for byte. */
import assert from "node:assert/strict";

interface Varying {
  /** Only where the command has this. */
  command?: RegExp;
  /** Of what, the first group stays; in its place. */
  pattern: RegExp;
}

const NUMBER = "\\d[\\d,.]*";
const number = (before: string, after: string, flags = "g") => new RegExp(`(${before})${NUMBER}(?=${after})`, flags);

const VARYING: readonly Varying[] = [
  // Times and rates.
  { pattern: number("", " m?s\\b") },
  { pattern: number("", " tok/s\\b") },
  { pattern: number('"(?:load_ms|prefill_ms|prefill_tps|decode_ms|decode_tps)":', "") },
  { pattern: number("", " % (?:computing|in sums|idle)") },
  // A seed that nobody gave.
  { command: /^(?!.*--seed)/, pattern: number("· seed ", "") },
  { command: /^(?!.*--seed)/, pattern: number('"seed":', "") },
  // The machine, and what the runtime takes of it.
  { pattern: number("", " threads?\\b") },
  { pattern: number("holds ", " MB") },
  { command: /inspect/, pattern: /(Memory: )[\d.]+ GB, [\d.]+ GB(?= available)/g },
  { command: /inspect/, pattern: number("auto: ", " in ") },
  { command: /inspect/, pattern: /^(.* GB.* {2})(?:yes|no)$/gm },
  { pattern: number("found ", " [MG]B available") },
  { pattern: number("peak memory ", " [MG]B") },
  { pattern: /([MG]B, )(?:the machine|its container) has [\d.]+ GB/g },
  // The example is of a larger model than the one that is converted for the test.
  { command: /cache/, pattern: /() *[\d.]+ [MG]B/g },
  { command: /cache/, pattern: /()\d{4}-\d\d-\d\d \d\d:\d\d/g },
  { command: /cache/, pattern: /(\/llama-ts\/)[0-9a-f]{32}/g },
  { command: /eval/, pattern: /(results_)[\dT.-]+(?=\.json)/g },
  // As wide as the longest path.
  { command: /config/, pattern: /(\S) +(?=\S)/g },
];

/** The last bits of a sum: other processors add in another order. */
const LONG = /-?\d+\.\d{8,}/g;
const TOLERANCE = 1e-3;

export function assertShown(found: string, shown: string, command: string): void {
  const settled = (text: string) =>
    VARYING.filter((varying) => varying.command?.test(command) ?? true).reduce(
      (rest, { pattern }) => rest.replace(pattern, "$1#"),
      text,
    );
  const numbers = (text: string) => [...text.matchAll(LONG)].map(([digits]) => Number(digits));
  assert.equal(settled(found).replace(LONG, "#"), settled(shown).replace(LONG, "#"), `$ ${command}`);
  const expected = numbers(settled(shown));
  for (const [i, value] of numbers(settled(found)).entries()) {
    assert.ok(Math.abs(value / expected[i]! - 1) < TOLERANCE, `${value}, shown as ${expected[i]}`);
  }
}
