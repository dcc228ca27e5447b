/** The state of the pickle machine: a cursor over the bytes, the stack with its marks, and the memo, all bounded. Does not know opcodes. */
import { LlamaError } from "../../error.js";
import { quoted } from "../files/quoted.js";
import type { Fail, PickleGlobal, PickleValue } from "./value.js";

/** What a reader of one kind of pickle must provide. */
export interface PickleRules {
  /** File (and entry), for error messages. */
  where: string;
  /** The only globals allowed, by `module.name`. */
  globals: ReadonlyMap<string, PickleGlobal>;
  /** Turns a persistent id into a value; without it, such ids are rejected. */
  persistentLoad?: (id: PickleValue, fail: Fail) => PickleValue;
}

/** A checkpoint of 10,000 tensors needs a tenth of this; each value costs a few dozen bytes of memory. */
const MAX_STACK = 1_000_000;
const MAX_MEMO = 1_000_000;
/** Lines hold names and numbers; the time to convert a line to a number grows with the square of its length. */
const MAX_LINE = 1024;
/** Torch's magic number has 10 bytes. */
const MAX_LONG_BYTES = 255;

// A byte order mark is part of the text here; by default TextDecoder drops it.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class PickleMachine {
  readonly rules: PickleRules;
  /** Offset of the opcode being run. */
  opcodeOffset: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #position: number;
  readonly #stack: PickleValue[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();

  constructor(bytes: Uint8Array, start: number, rules: PickleRules) {
    this.rules = rules;
    this.opcodeOffset = start;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#position = start;
  }

  readonly fail: Fail = (problem, fix) =>
    new LlamaError("model", `${problem} (at offset ${this.opcodeOffset} of the pickle)`, {
      where: this.rules.where,
      ...(fix === undefined ? {} : { fix }),
    });

  get position(): number {
    return this.#position;
  }

  /** Skips `length` bytes and returns the offset of the first. */
  skip(length: number): number {
    const start = this.#position;
    if (length > this.#bytes.length - start) {
      throw this.fail("pickle ends too early", "The file is truncated or corrupt: copy or download it again");
    }
    this.#position = start + length;
    return start;
  }

  readOpcode(): number {
    this.opcodeOffset = this.#position;
    return this.uint(1);
  }

  /** Little-endian, unsigned. */
  uint(length: 1 | 2 | 4 | 8): number {
    const at = this.skip(length);
    if (length === 1) return this.#view.getUint8(at);
    if (length === 2) return this.#view.getUint16(at, true);
    if (length === 4) return this.#view.getUint32(at, true);
    return Number(this.#view.getBigUint64(at, true));
  }

  int32(): number {
    return this.#view.getInt32(this.skip(4), true);
  }

  /** The only big-endian number in pickle. */
  float64(): number {
    return this.#view.getFloat64(this.skip(8), false);
  }

  /** An integer of any length in two's complement. */
  long(length: number): number | bigint {
    if (length > MAX_LONG_BYTES) throw this.fail(`integer of ${length} bytes, more than the ${MAX_LONG_BYTES} allowed`);
    if (length === 0) return 0;
    const hex = Buffer.from(this.bytes(length)).reverse().toString("hex");
    return narrowed(BigInt.asIntN(8 * length, BigInt(`0x${hex}`)));
  }

  bytes(length: number): Uint8Array {
    const start = this.skip(length);
    return this.#bytes.slice(start, start + length);
  }

  text(length: number): string {
    const start = this.skip(length);
    try {
      return utf8.decode(this.#bytes.subarray(start, start + length));
    } catch {
      throw this.fail("text is not valid UTF-8");
    }
  }

  /** Text up to the next line feed, which is skipped. */
  line(): string {
    const length = this.#bytes.subarray(this.#position, this.#position + MAX_LINE).indexOf(10);
    if (length < 0) throw this.fail(`no end of line within ${MAX_LINE} bytes`);
    const text = this.text(length);
    this.skip(1);
    return text;
  }

  /** A line with a decimal integer. */
  integerLine(): number | bigint {
    const text = this.line().replace(/L$/, "");
    if (!/^-?\d+$/.test(text)) throw this.fail(`${quoted(text)} is not an integer`);
    return narrowed(BigInt(text));
  }

  push(value: PickleValue): void {
    if (this.#stack.length >= MAX_STACK) throw this.fail(`more than ${MAX_STACK} values on the stack`);
    this.#stack.push(value);
  }

  pop(): PickleValue {
    const value = this.top();
    this.#stack.length--;
    return value;
  }

  top(): PickleValue {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) throw this.#underflow();
    return this.#stack.at(-1)!;
  }

  mark(): void {
    if (this.#marks.length >= MAX_STACK) throw this.fail(`more than ${MAX_STACK} marks`);
    this.#marks.push(this.#stack.length);
  }

  /** Removes all values above the last mark, and the mark; returns the values. */
  popToMark(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw this.#underflow();
    return this.#stack.splice(mark);
  }

  put(index: number | bigint): void {
    if (this.#memo.size >= MAX_MEMO) throw this.fail(`more than ${MAX_MEMO} memoised values`);
    this.#memo.set(Number(index), this.top());
  }

  memoize(): void {
    this.put(this.#memo.size);
  }

  get(index: number | bigint): PickleValue {
    const value = this.#memo.get(Number(index));
    if (value === undefined) throw this.fail(`memo has no value ${index}`);
    return value;
  }

  #underflow(): LlamaError {
    return this.fail("corrupt pickle: stack underflow");
  }
}

function narrowed(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
