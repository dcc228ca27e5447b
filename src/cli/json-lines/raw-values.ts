/** Finds the text of each value of a JSON object, to give numbers and nested values back as they were written. Checks no syntax. */

/** What a line looks like before it is parsed; meaningless if it is not JSON. */
export interface RawValues {
  /** Levels of lists and objects, one for the object itself. */
  depth: number;
  /** Text of the object's values by key, without the spaces around them; of a key that occurs twice, the last. */
  values: ReadonlyMap<string, string>;
}

/** Scans a text once, without recursion, so its depth does not matter. */
export function rawValues(text: string): RawValues {
  const values = new Map<string, string>();
  const isObject = /^[\t\n\r ]*\{/.test(text);
  const marks = /["{}[\]:,]/g;
  let [depth, deepest] = [0, 0];
  let key: string | null = null;
  let start = 0;
  for (let match = marks.exec(text); match !== null; match = marks.exec(text)) {
    const at = match.index;
    switch (match[0]) {
      case '"':
        marks.lastIndex = afterString(text, at);
        if (depth === 1 && key === null) key = keyOf(text.slice(at, marks.lastIndex));
        break;
      case "{":
      case "[":
        deepest = Math.max(deepest, ++depth);
        break;
      case ":":
        if (depth === 1) start = at + 1;
        break;
      default:
        // The end of a value of the object, or of something deeper.
        if (depth === 1 && key !== null) {
          values.set(key, text.slice(start, at).trim());
          key = null;
        }
        if (match[0] !== ",") depth--;
    }
  }
  return { depth: deepest, values: isObject ? values : new Map() };
}

/** The index after the string that begins at `start`; the end of the text if it does not end. */
function afterString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text[end - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return end + 1;
  }
  return text.length;
}

function keyOf(string: string): string {
  try {
    return JSON.parse(string) as string;
  } catch {
    return string;
  }
}
