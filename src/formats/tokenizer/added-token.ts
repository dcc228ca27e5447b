/** A token beside those of a tokenizer's model, with its options. Does not know how it is found in a text. */

/** The largest published vocabularies have 262,144. */
const MAX_TOKENS = 1_000_000;

/** As in the added_tokens of a tokenizer.json. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** No text: it is recognised only where special tokens are asked for, and decodes to nothing. */
  readonly special: boolean;
  /** Only where no letter or digit is next to it. */
  readonly singleWord: boolean;
  /** With the white space before it. */
  readonly lstrip: boolean;
  /** With the white space after it. */
  readonly rstrip: boolean;
  /** It is looked for after the normalizers. */
  readonly normalized: boolean;
}

/** Fills in the library's defaults of a token's options, under their names in JSON. */
export function addedToken(id: number, content: string, options: Readonly<Record<string, unknown>>): AddedToken {
  const special = options.special === true;
  return {
    ...{ id, content, special },
    singleWord: options.single_word === true,
    lstrip: options.lstrip === true,
    rstrip: options.rstrip === true,
    normalized: typeof options.normalized === "boolean" ? options.normalized : !special,
  };
}

/** Whether a value can be the id of a token. */
export function isId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < MAX_TOKENS;
}
