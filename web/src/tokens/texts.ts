/** The texts of tokens for the reader: bytes joined to characters, spaces and line ends that can be seen. Does not know elements. */

/** How a token is drawn in the running text. */
export interface Piece {
  /** What is drawn; "" for the first bytes of a character that a later token completes. */
  text: string;
  /** What a token without text of its own is: one that no text has, or a part of a character. */
  mark: "start" | "end" | "special" | "part" | null;
}

/** The bytes of a name such as bytes:\xe2\x96; null if the name is text. */
export function bytesOf(name: string): Uint8Array | null {
  if (!/^bytes:(\\x[\da-f]{2})+$/.test(name)) return null;
  return Uint8Array.from(name.match(/[\da-f]{2}(?=\\|$)/g)!, (hex) => Number.parseInt(hex, 16));
}

/** The pieces of a text, one for each token. */
export function piecesOf(names: readonly string[]): Piece[] {
  let decoder = new TextDecoder();
  return names.map((name, i) => {
    const bytes = bytesOf(name);
    if (bytes) {
      const text = decoder.decode(bytes, { stream: true });
      return { text, mark: text === "" ? "part" : null };
    }
    // A character that is not completed goes with its decoder.
    decoder = new TextDecoder();
    const place = i === 0 ? "start" : i === names.length - 1 ? "end" : "special";
    return { text: name, mark: name === "" ? place : null };
  });
}

/** A token by itself: with its spaces and line ends to be seen. */
export function visible(name: string): string {
  if (name === "") return "no text";
  const bytes = bytesOf(name);
  if (bytes) return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return name.replace(/\n/g, "↵").replace(/\t/g, "⇥").replace(/\r/g, "␍").replace(/ /g, "·");
}

/** A token as a screen reader says it. */
export function spoken(name: string): string {
  if (name === "") return "no text";
  if (bytesOf(name)) return `bytes ${visible(name)}`;
  if (/^\n+$/.test(name)) return name.length === 1 ? "line end" : `${name.length} line ends`;
  if (/^ +$/.test(name)) return name.length === 1 ? "space" : `${name.length} spaces`;
  return name.replace(/\n/g, " line end ").trim();
}
