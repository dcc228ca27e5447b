/** The parameters that are numbers: their words, ranges and steps. Does not know elements or the state. */
import type { Settings } from "../state/types.js";

export interface NumberField {
  name: Exclude<keyof Settings, "stop" | "seed" | "max_tokens">;
  label: string;
  /** What it does, in a few words. */
  hint: string;
  isInteger?: boolean;
  /** What the server takes. */
  least: number;
  most: number;
  /** What the slider reaches. */
  from: number;
  to: number;
  step: number;
}

export interface FieldGroup {
  title: string;
  fields: readonly NumberField[];
}

export const GROUPS: readonly FieldGroup[] = [
  {
    title: "Sampling",
    fields: [
      {
        ...{ name: "temperature", label: "Temperature", hint: "0: always the most likely token; higher: more varied" },
        ...{ least: 0, most: 100, from: 0, to: 2, step: 0.05 },
      },
      {
        ...{ name: "top_p", label: "Top p", hint: "Only the most likely tokens that have this probability together" },
        ...{ least: 0, most: 1, from: 0, to: 1, step: 0.01 },
      },
      {
        ...{ name: "top_k", label: "Top k", hint: "Only this many of the most likely tokens; 0: all" },
        ...{ isInteger: true, least: 0, most: 2 ** 31 - 1, from: 0, to: 100, step: 1 },
      },
      {
        ...{ name: "min_p", label: "Min p", hint: "Only tokens at least this part as likely as the first" },
        ...{ least: 0, most: 1, from: 0, to: 1, step: 0.01 },
      },
    ],
  },
  {
    title: "Repetition",
    fields: [
      {
        ...{ name: "repetition_penalty", label: "Repetition penalty", hint: "Above 1: words come again less often" },
        ...{ least: 0.01, most: 100, from: 0.5, to: 2, step: 0.05 },
      },
      {
        ...{ name: "presence_penalty", label: "Presence penalty", hint: "Less of what has come at all" },
        ...{ least: -2, most: 2, from: -2, to: 2, step: 0.1 },
      },
      {
        ...{
          name: "frequency_penalty",
          label: "Frequency penalty",
          hint: "Less of a token the more often it has come",
        },
        ...{ least: -2, most: 2, from: -2, to: 2, step: 0.1 },
      },
    ],
  },
];

/** A number as typed; null if it is not one that the server takes. */
export function readNumber(
  text: string,
  { least, most, isInteger }: Pick<NumberField, "least" | "most" | "isInteger">,
): number | null {
  // A comma is what some keyboards have.
  const value = Number(text.trim().replace(",", "."));
  if (text.trim() === "" || !Number.isFinite(value) || value < least || value > most) return null;
  return isInteger && !Number.isInteger(value) ? null : value;
}

/** Stop texts as lines; a line end in one is written \n. */
export function writeStops(stops: readonly string[]): string {
  return stops.map((text) => text.replace(/\\/g, "\\\\").replace(/\n/g, "\\n").replace(/\t/g, "\\t")).join("\n");
}

export function readStops(lines: string): string[] {
  const escapes: Record<string, string> = { n: "\n", t: "\t", "\\": "\\" };
  const read = (line: string) => line.replace(/\\([nt\\])/g, (_, name: string) => escapes[name]!);
  return lines
    .split("\n")
    .filter((line) => line !== "")
    .map(read);
}
