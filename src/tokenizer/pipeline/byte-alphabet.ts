/** The characters that byte-level tokenizers write for bytes (GPT-2's bytes_to_unicode). Does not know tokens. */

/** By byte: a byte printable in latin1 is its own character, others are U+0100 and up. */
const CHARACTERS: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    return String.fromCharCode(isPrintable ? byte : next++);
  });
})();

const BYTES: ReadonlyMap<string, string> = new Map(
  CHARACTERS.map((character, byte) => [character, String.fromCharCode(byte)]),
);

const OWN = /^[!-~]*$/;

/** Writes a text's bytes in the alphabet. */
export function toByteLevel(text: string): string {
  if (OWN.test(text)) return text;
  let written = "";
  for (const byte of Buffer.from(text)) written += CHARACTERS[byte];
  return written;
}

/** The bytes of a token, one character a byte; as in the tokenizers library, a token with a character outside of the alphabet is text as it is. */
export function fromByteLevel(token: string): string {
  let bytes = "";
  for (const character of token) {
    const byte = BYTES.get(character);
    if (byte === undefined) return Buffer.from(token).toString("latin1");
    bytes += byte;
  }
  return bytes;
}
