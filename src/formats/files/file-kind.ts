/** Recognises from its first bytes what a file is that is not the expected checkpoint, for the error message. Reads nothing else of it. */
import { LlamaError } from "../../error.js";
import type { ByteSource } from "./byte-source.js";

const KNOWN_FILES = "llama-ts reads Meta's consolidated.NN.pth, Hugging Face's .safetensors and .gguf files";
const DOWNLOAD_AGAIN = "Download it again";

/** [first bytes, what the file is, what to do] */
const KINDS: readonly [RegExp, string, string][] = [
  [/^version https:\/\/git-lfs/, "a Git LFS pointer, not the file itself", "Run `git lfs pull` in its repository"],
  [
    /^\s*<(!doctype|html|\?xml|head|body)/i,
    "a web page (HTML or XML)",
    "The download link has expired or needs a login: download it again",
  ],
  [/^.{6}\0\0\{"/s, "a safetensors file", KNOWN_FILES],
  [/^GGUF/, "a GGUF file", "Rename it so that it ends in .gguf, and name that file as the checkpoint"],
  [/^(lmgg|fmgg|tjgg|algg)/, "a GGML file, the format before GGUF", "Download the model as GGUF"],
  [/^\0{16}/, "filled with zeros at its start", `The download did not finish. ${DOWNLOAD_AGAIN}`],
  [/^[\t\r\n\x20-\x7e]+$/, "text", DOWNLOAD_AGAIN],
];

/** The kinds of file that can be expected, and how each begins. */
const STARTS = {
  "a PyTorch checkpoint": "a zip archive or a pickle",
  "a safetensors file": "the length of a header and {",
  "a GGUF file": "GGUF",
};

/** The error for a file that begins with `head` and is not of the `expected` kind. */
export function unexpectedKind(source: ByteSource, head: Uint8Array, expected: keyof typeof STARTS): LlamaError {
  const where = source.name;
  if (source.size === 0) return new LlamaError("model", "is empty", { where, fix: DOWNLOAD_AGAIN });
  const text = Buffer.from(head).toString("latin1");
  const kind = KINDS.find(([pattern]) => pattern.test(text));
  if (kind !== undefined) {
    return new LlamaError("model", `is not ${expected} but ${kind[1]}`, { where, fix: kind[2] });
  }
  const bytes = [...head.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return new LlamaError("model", `is not ${expected}`, {
    where,
    expected: `${STARTS[expected]} at its start`,
    found: `the bytes ${bytes} (${source.size} in total)`,
    fix: `The start of the file is missing, or the file is of another kind. ${KNOWN_FILES}`,
  });
}
