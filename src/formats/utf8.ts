/** Decodes UTF-8 by SentencePiece's rule: every invalid byte becomes its own U+FFFD (TextDecoder gives one per maximal subpart). Knows bytes, not tokens. */

const REPLACEMENT = "\uFFFD";
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Decodes a whole byte sequence; a byte order mark is kept as U+FEFF. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    const decoder = new Utf8Decoder();
    let text = "";
    for (const byte of bytes) text += decoder.push(byte);
    return text + decoder.flush();
  }
}

/** Decodes byte by byte and holds back a character until it is complete or known to be broken. */
export class Utf8Decoder {
  #held: number[] = [];
  /** How many of the held bytes give nothing when they turn out to be broken. */
  #silent = 0;

  /** Adds a byte and returns the text that is final with it, often "". */
  push(byte: number): string {
    this.#held.push(byte);
    return this.#drain(false);
  }

  /** Ends the sequence: held bytes of an incomplete character become U+FFFD each. */
  flush(): string {
    return this.#drain(true);
  }

  /** From here on, the bytes held now give text only if a character is completed from them, and no U+FFFD. */
  silenceHeld(): void {
    this.#silent = this.#held.length;
  }

  #drain(atEnd: boolean): string {
    const held = this.#held;
    let text = "";
    let start = 0;
    while (start < held.length) {
      const length = characterLength(held, start);
      if (length === "incomplete" && !atEnd) break;
      if (typeof length === "number") {
        text += String.fromCodePoint(codePoint(held, start, length));
        start += length;
      } else {
        if (start >= this.#silent) text += REPLACEMENT;
        start++;
      }
    }
    this.#held = held.slice(start);
    this.#silent = Math.max(0, this.#silent - start);
    return text;
  }
}

/** The length of the character at `start`, or why there is none (Unicode standard, table 3-7). */
function characterLength(bytes: readonly number[], start: number): number | "incomplete" | "invalid" {
  const first = bytes[start]!;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return "invalid";
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  for (let i = 1; i < length; i++) {
    const byte = bytes[start + i];
    if (byte === undefined) return "incomplete";
    // The second byte's range excludes overlong forms, surrogates and what lies above U+10FFFF.
    const low = i > 1 ? 0x80 : first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const high = i > 1 ? 0xbf : first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    if (byte < low || byte > high) return "invalid";
  }
  return length;
}

function codePoint(bytes: readonly number[], start: number, length: number): number {
  if (length === 1) return bytes[start]!;
  let value = bytes[start]! & (0x7f >> length);
  for (let i = 1; i < length; i++) value = (value << 6) | (bytes[start + i]! & 0x3f);
  return value;
}
