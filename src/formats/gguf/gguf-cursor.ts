/** Reads the header of a GGUF file from its start to its end, through a window of a fixed size. Does not know what the values are for. */
import { LlamaError } from "../../error.js";
import { type ByteSource, readBytes } from "../files/byte-source.js";
import { quoted } from "../files/quoted.js";

/** A vocabulary of 260,000 tokens with its merges needs about 15 MB. */
const MAX_HEADER_BYTES = 128 * 1024 * 1024;
const WINDOW_BYTES = 256 * 1024;
const AGAIN = "The file is damaged: copy or download it again";

export class GgufCursor {
  readonly #source: ByteSource;
  /** Bytes of the file from #start. */
  #window: Buffer = Buffer.alloc(0);
  #start = 0;
  #position = 0;
  /** What is being read, for messages. */
  subject: string;

  constructor(source: ByteSource, subject: string) {
    this.#source = source;
    this.subject = subject;
  }

  /** Offset in the file of the next byte. */
  get position(): number {
    return this.#position;
  }

  /** Bytes of the header that may follow. */
  get left(): number {
    return Math.min(this.#source.size, MAX_HEADER_BYTES) - this.#position;
  }

  /** The error for something wrong just before the position. */
  error(problem: string, expected: string, found: string): LlamaError {
    const where = `${this.#source.name}: ${this.subject}`;
    return new LlamaError("model", problem, { where, expected, found, fix: AGAIN });
  }

  uint32(): number {
    return this.#take(4).readUInt32LE();
  }

  /** A 64-bit count, length or offset; `what` names it in the error for a number that no file has. */
  count(what: string, most: number): number {
    const bytes = this.#take(8);
    const value = bytes.readUInt32LE() + bytes.readUInt32LE(4) * 2 ** 32;
    if (value > most) throw this.error(`${what} is too large`, `at most ${most}`, String(value));
    return value;
  }

  /** A length and the bytes of a text in UTF-8; invalid ones become U+FFFD. */
  text(): string {
    const length = this.count("length of a text", this.left);
    if (length <= WINDOW_BYTES) return this.#take(length).toString("utf8");
    return Buffer.from(this.bytes(length)).toString("utf8");
  }

  /** The same for a name that messages show, which has no control characters. */
  name(what: string, isName: (text: string) => boolean): string {
    const text = this.text();
    if (!isName(text)) throw this.error(`${what} is not valid`, "printable text", quoted(text));
    return text;
  }

  /** A copy of the next bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    if (length <= WINDOW_BYTES) return new Uint8Array(this.#take(length));
    this.#check(length);
    const bytes = new Uint8Array(length);
    this.#source.readInto(bytes, this.#position);
    this.#position += length;
    return bytes;
  }

  /** At most WINDOW_BYTES, valid until the next call. */
  #take(length: number): Buffer {
    this.#check(length);
    const from = this.#position - this.#start;
    if (from < 0 || from + length > this.#window.length) {
      this.#window = Buffer.from(readBytes(this.#source, this.#position, Math.min(WINDOW_BYTES, this.left)).buffer);
      this.#start = this.#position;
    }
    const at = this.#position - this.#start;
    this.#position += length;
    return this.#window.subarray(at, at + length);
  }

  #check(length: number): void {
    if (length <= this.left) return;
    if (this.#position + length > MAX_HEADER_BYTES && this.#source.size > MAX_HEADER_BYTES) {
      throw this.error("header is too long", `at most ${MAX_HEADER_BYTES} bytes`, "more");
    }
    throw this.error("file ends within its header", `${length} bytes at offset ${this.#position}`, `${this.left}`);
  }
}
