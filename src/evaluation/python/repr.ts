/** Python's str() of plain values, whose hash lm-evaluation-harness writes. */

/** str(value): a text itself; lists and the texts in them as repr() writes them. */
export function pythonStr(value: unknown): string {
  return typeof value === "string" ? value : repr(value);
}

function repr(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "string") return reprText(value);
  if (Array.isArray(value)) return `[${value.map(repr).join(", ")}]`;
  if (typeof value !== "object") return String(value);
  return `{${Object.entries(value)
    .map(([key, one]) => `${reprText(key)}: ${repr(one)}`)
    .join(", ")}}`;
}

const SHORT: Record<string, string> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function reprText(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const characters = [...text].map((one) => {
    if (one === quote) return `\\${quote}`;
    return SHORT[one] ?? (isPrintable(one) ? one : codeEscape(one.codePointAt(0)!));
  });
  return quote + characters.join("") + quote;
}

/** str.isprintable() of one character */
function isPrintable(character: string): boolean {
  return character === " " || !/[\p{C}\p{Z}]/u.test(character);
}

function codeEscape(point: number): string {
  const hex = point.toString(16);
  if (point < 0x100) return `\\x${hex.padStart(2, "0")}`;
  return point < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}
