/** The decoders of a tokenizer.json as steps that pass tokens on as soon as they are final. Does not know ids. */
import { Utf8Decoder } from "../../formats/files/utf8.js";
import type { DecoderStep } from "../../formats/tokenizer/pipeline-json.js";
import { fromByteLevel } from "./byte-alphabet.js";
import { replacer } from "./normalizer.js";

/** Takes tokens, or parts of one token: `begins` says whether a part begins a token. */
export interface TokenSink {
  push(part: string, begins: boolean): void;
  /** The last token is complete. */
  flush(): void;
  /** What is held back belongs to a text that is not returned. */
  silence(): void;
}

/** Makes a chain of steps at the start of a text; the last one passes on to `end`. */
export type DecoderSteps = (end: TokenSink) => TokenSink;

/** Prepares steps. Throws a LlamaError for a pattern that cannot be compiled; `path` is the tokenizer's file. */
export function prepareDecoders(steps: readonly DecoderStep[], path: string): DecoderSteps {
  const makers = steps.map((step) => {
    const replace = step.type === "Replace" ? replacer(step.pattern, step.content, path) : (part: string) => part;
    return (next: TokenSink) => sinkOf(step, next, replace);
  });
  return (end) => makers.reduceRight((next, make) => make(next), end);
}

function sinkOf(step: DecoderStep, next: TokenSink, replace: (part: string) => string): TokenSink {
  const pass = { flush: () => next.flush(), silence: () => next.silence() };
  let isFirst = true;
  /** Whether a part begins the first token. */
  const takeFirst = () => {
    const was = isFirst;
    isFirst = false;
    return was;
  };
  switch (step.type) {
    case "Replace":
      return { ...pass, push: (part, begins) => next.push(replace(part), begins) };
    case "Join":
      return { ...pass, push: (part, begins) => next.push(begins && !takeFirst() ? ` ${part}` : part, begins) };
    case "Fuse":
      return { ...pass, push: (part) => next.push(part, takeFirst()) };
    case "Metaspace": {
      const { replacement, prependScheme } = step;
      let tokens = 0;
      return {
        ...pass,
        push(part, begins) {
          if (begins) tokens++;
          // The first token loses every mark, not only that of the beginning.
          const space = tokens === 1 && prependScheme !== "never" ? "" : " ";
          next.push(part.replaceAll(replacement, space), begins);
        },
      };
    }
    case "ByteLevel": {
      const bytes = new Utf8Decoder("maximal subpart");
      return {
        push(part) {
          let text = "";
          for (const byte of fromByteLevel(part)) text += bytes.push(byte.charCodeAt(0));
          next.push(text, takeFirst());
        },
        flush() {
          next.push(bytes.flush(), takeFirst());
          next.flush();
        },
        silence() {
          bytes.silenceHeld();
          next.silence();
        },
      };
    }
    case "ByteFallback":
      return byteFallback(next);
    case "Strip":
      return strip(step, next);
  }
}

const BYTE = /^<0x([0-9a-fA-F]{2})>$/;

/** Bytes in a row are decoded together; if they are not UTF-8, each of them becomes U+FFFD. */
function byteFallback(next: TokenSink): TokenSink {
  let held: number[] = [];
  let silenced = 0;
  const decode = (): string => {
    const text = decodeRun(held, silenced);
    held = [];
    silenced = 0;
    return text;
  };
  return {
    push(part, begins) {
      const [, byte] = BYTE.exec(part) ?? [];
      if (byte !== undefined) {
        held.push(Number.parseInt(byte, 16));
        return;
      }
      if (held.length > 0) next.push(decode(), true);
      next.push(part, begins);
    },
    flush() {
      if (held.length > 0) next.push(decode(), true);
      next.flush();
    },
    silence() {
      silenced = held.length;
      next.silence();
    },
  };
}

const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of bytes, without the characters that end within the first `silenced` ones. */
function decodeRun(bytes: readonly number[], silenced: number): string {
  let text: string;
  try {
    text = STRICT.decode(Uint8Array.from(bytes));
  } catch {
    return "\uFFFD".repeat(bytes.length - silenced);
  }
  let at = 0;
  let result = "";
  for (const character of text) {
    at += Buffer.byteLength(character);
    if (at > silenced) result += character;
  }
  return result;
}

/** Removes up to `start` times `content` from the start of each token and up to `stop` times from its end. */
function strip({ content, start, stop }: DecoderStep & { type: "Strip" }, next: TokenSink): TokenSink {
  /** Times `content` may still be removed from the start of the token. */
  let left = 0;
  let held = "";
  let silenced = 0;
  const end = () => {
    held = held.slice(0, held.length - Math.min(stop * content.length, held.length));
    next.push(held.slice(Math.min(silenced, held.length)), false);
    held = "";
    silenced = 0;
  };
  let isOpen = false;
  return {
    push(part, begins) {
      if (begins) {
        if (isOpen) end();
        isOpen = true;
        left = start;
        next.push("", true);
      }
      let rest = part;
      for (; left > 0 && rest.startsWith(content); left--) rest = rest.slice(content.length);
      if (rest !== "") left = 0;
      // Only a run of `content` at the end may still be removed.
      const text = held + rest;
      let keep = text.length;
      for (let most = stop; most > 0 && text.slice(0, keep).endsWith(content); most--) keep -= content.length;
      next.push(text.slice(Math.min(silenced, keep), keep), false);
      silenced = Math.max(0, silenced - keep);
      held = text.slice(keep);
    },
    flush() {
      if (isOpen) end();
      next.flush();
    },
    silence() {
      silenced = held.length;
      next.silence();
    },
  };
}
