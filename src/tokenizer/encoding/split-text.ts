/** Splits a text into the pieces that tiktoken encodes one by one, with Llama 3's pattern. Does not know tokens. */
import { isSpace } from "./python-whitespace.js";
import { asUnicode16 } from "./unicode-16.js";

/**
 * Meta's pattern, which is written for Rust. There \s means White_Space (JavaScript's \s has U+FEFF and lacks U+0085),
 * and a case-insensitive s also matches U+017F; Node 20 has no (?i:...).
 */
const SPACE = "\\p{White_Space}";
const PIECE = new RegExp(
  [
    "'(?:[sS\\u017F]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD])",
    "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+",
    "\\p{N}{1,3}",
    ` ?[^${SPACE}\\p{L}\\p{N}]+[\\r\\n]*`,
    `${SPACE}*[\\r\\n]+`,
    `${SPACE}+(?!\\P{White_Space})`,
    `${SPACE}+`,
  ].join("|"),
  "gu",
);

// llama-models, tokenizer.py: limits of tiktoken made these necessary; they affect where tokens end.
const MAX_CHUNK = 400_000;
const MAX_RUN = 25_000;

/** The pieces of a text, in order; concatenated, they are the text. */
export function* splitText(text: string): Generator<string, void, void> {
  for (const chunk of chunks(text)) {
    for (const { index, 0: match } of asUnicode16(chunk).matchAll(PIECE))
      yield chunk.slice(index, index + match.length);
  }
}

/** Splits after 400,000 characters, and after 25,000 characters in a row that are all white space or all not. */
function* chunks(text: string): Generator<string, void, void> {
  if (text.length <= MAX_RUN) {
    yield text;
    return;
  }
  let start = 0;
  let at = 0;
  let count = 0;
  let run = 0;
  let isSpaceRun = false;
  for (const character of text) {
    if (count === MAX_CHUNK) {
      yield text.slice(start, at);
      start = at;
      count = run = 0;
    }
    const space = isSpace(character);
    run = space === isSpaceRun ? run + 1 : 1;
    isSpaceRun = space;
    if (run > MAX_RUN) {
      yield text.slice(start, at);
      start = at;
      run = 1;
    }
    count++;
    at += character.length;
  }
  yield text.slice(start);
}
