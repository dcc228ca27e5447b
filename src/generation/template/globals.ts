/** The functions that a chat template can call, as transformers gives them: range, raise_exception, strftime_now, dict. */
import type { Environment } from "@huggingface/jinja";
import type { Limits } from "./limits.js";

/** What a template said with raise_exception(). */
export class RaisedByTemplate extends Error {}

export function setGlobals(environment: Environment, limits: Limits, now: Date): void {
  const globals = {
    ...{ true: true, false: false, none: null, True: true, False: false, None: null },
    range: (...args: unknown[]) => range(args, limits),
    raise_exception: (message: unknown) => {
      throw new RaisedByTemplate(String(message));
    },
    strftime_now: (format: unknown) => strftime(now, String(format)),
    dict: (entries: unknown) => (entries instanceof Map ? Object.fromEntries(plainEntries(entries)) : {}),
  };
  for (const [name, value] of Object.entries(globals)) environment.set(name, value);
}

function plainEntries(entries: Map<string, { value: unknown }>): [string, unknown][] {
  return [...entries].map(([key, { value }]) => [key, value]);
}

/** Python's range(). */
function range(args: readonly unknown[], limits: Limits): number[] {
  if (args.length === 0 || args.length > 3 || !args.every((one) => Number.isSafeInteger(one)))
    throw new Error("range() needs one to three whole numbers");
  const numbers = args as number[];
  const [start, stop, step] = numbers.length === 1 ? [0, numbers[0]!, 1] : [numbers[0]!, numbers[1]!, numbers[2] ?? 1];
  if (step === 0) throw new Error("range() needs a step other than 0");
  const count = Math.max(0, Math.ceil((stop - start) / step));
  limits.items(count);
  return Array.from({ length: count }, (_, i) => start + i * step);
}

const MONTHS = "January February March April May June July August September October November December".split(" ");
const DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");

/** C's strftime() in local time and English; `-` after % leaves out leading zeros, as in glibc. */
export function strftime(now: Date, format: string): string {
  const hour = now.getHours();
  const dayOfYear = Math.round(
    (Date.UTC(now.getFullYear(), now.getMonth(), now.getDate()) - Date.UTC(now.getFullYear(), 0, 1)) / 86_400_000 + 1,
  );
  const padded = (value: number, width = 2) => String(value).padStart(width, "0");
  const fields: Record<string, () => string> = {
    Y: () => String(now.getFullYear()),
    y: () => padded(now.getFullYear() % 100),
    m: () => padded(now.getMonth() + 1),
    d: () => padded(now.getDate()),
    e: () => String(now.getDate()).padStart(2),
    H: () => padded(hour),
    I: () => padded(hour % 12 || 12),
    M: () => padded(now.getMinutes()),
    S: () => padded(now.getSeconds()),
    j: () => padded(dayOfYear, 3),
    p: () => (hour < 12 ? "AM" : "PM"),
    B: () => MONTHS[now.getMonth()]!,
    b: () => MONTHS[now.getMonth()]!.slice(0, 3),
    A: () => DAYS[now.getDay()]!,
    a: () => DAYS[now.getDay()]!.slice(0, 3),
    "%": () => "%",
  };
  return format.replace(/%(-?)([A-Za-z%])/g, (directive, dash: string, letter: string) => {
    if (letter === "F") return strftime(now, "%Y-%m-%d");
    if (letter === "T") return strftime(now, "%H:%M:%S");
    const text = fields[letter]?.() ?? directive;
    return dash === "" ? text : text.replace(/^[0 ]+(?=\d)/, "");
  });
}
