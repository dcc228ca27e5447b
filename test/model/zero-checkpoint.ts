/** Writes a folder in Meta's layout with zero weights that need no disk space, for tests that depend only on shapes and sizes. */
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { crc32 } from "../../src/formats/files/crc32.js";
import { readSentencePieceModel } from "../../src/formats/tokenizer/sentencepiece-model.js";
import { readTokenizerFile } from "../../src/formats/tokenizer/tokenizer-file.js";
import { type TensorSpec, tensorTable } from "../../src/model/architecture/tensor-table.js";
import { randomCheckpoint } from "../../src/model/sizes/presets.js";

/** bf16 */
const BYTES_PER_WEIGHT = 2;
const END = 0xffffffff;

/** `tokenizer` is a file with a smaller vocabulary, to which unused pieces are added. */
export function writeZeroCheckpoint(dir: string, params: Record<string, number>, files: number, tokenizer: string) {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "params.json"), JSON.stringify(params));
  writeFileSync(join(dir, "tokenizer.model"), longTokenizer(tokenizer, params.vocab_size!));
  const tensors = tensorTable(randomCheckpoint("zero", new Map(Object.entries(params))).config);
  for (let i = 0; i < files; i++) {
    const name = `consolidated.0${i}`;
    writeZeroFile(
      join(dir, `${name}.pth`),
      name,
      tensors.map(({ name, ...tensor }) => [name, shardShape(tensor, files)]),
    );
  }
  return dir;
}

function shardShape({ shape, split }: Omit<TensorSpec, "name">, files: number): number[] {
  if (split === "replicated") return [...shape];
  // The embedding is split as in Llama 1 and 2.
  return shape.map((size, axis) => ((axis === 0) === (split === "rows") ? size / files : size));
}

/** Writes a zip64 archive of stored entries, as torch.save does; parts of the file that are not written read as zero. */
function writeZeroFile(path: string, archive: string, tensors: readonly [name: string, shape: number[]][]): void {
  const file = openSync(path, "w");
  const headers: Buffer[] = [];
  let offset = 0;
  const add = (name: string, size: number, crc: number, data?: Uint8Array) => {
    const bytes = Buffer.from(`${archive}/${name}`);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50);
    local.writeUInt16LE(bytes.length, 26);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50);
    central.writeUInt32LE(crc, 16);
    central.writeUInt32LE(size, 20);
    central.writeUInt32LE(size, 24);
    central.writeUInt16LE(bytes.length, 28);
    central.writeUInt16LE(12, 30);
    central.writeUInt32LE(END, 42);
    headers.push(central, bytes, Buffer.from(Uint16Array.of(1, 8).buffer), bigNumber(offset));
    writeSync(file, Buffer.concat([local, bytes, data ?? new Uint8Array()]), 0, undefined, offset);
    offset += local.length + bytes.length + size;
  };
  const pickle = statePickle(tensors);
  add("data.pkl", pickle.length, crc32(pickle), pickle);
  const crcs = new Map<number, number>();
  for (const [i, [, shape]] of tensors.entries()) {
    const size = numel(shape) * BYTES_PER_WEIGHT;
    if (!crcs.has(size)) crcs.set(size, zeroCrc(size));
    add(`data/${i}`, size, crcs.get(size)!);
  }
  const directory = Buffer.concat(headers);
  const end64 = Buffer.alloc(56);
  end64.writeUInt32LE(0x06064b50);
  end64.writeBigUInt64LE(44n, 4);
  const count = tensors.length + 1;
  for (const [at, value] of [
    [24, count],
    [32, count],
    [40, directory.length],
    [48, offset],
  ] as const) {
    end64.writeBigUInt64LE(BigInt(value), at);
  }
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50);
  locator.writeBigUInt64LE(BigInt(offset + directory.length), 8);
  locator.writeUInt32LE(1, 16);
  const end = Buffer.alloc(22, 0xff);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt32LE(0, 4);
  end.writeUInt16LE(0, 20);
  ftruncateSync(file, offset);
  writeSync(file, Buffer.concat([directory, end64, locator, end]), 0, undefined, offset);
  closeSync(file);
}

/** A dict of names to _rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict()). */
function statePickle(tensors: readonly [name: string, shape: number[]][]): Buffer {
  const text = (value: string) => `X${String.fromCharCode(value.length)}\0\0\0${value}`;
  const int = (value: number) => `J${Buffer.from(Int32Array.of(value).buffer).toString("latin1")}`;
  const tuple = (values: readonly number[]) => `(${values.map(int).join("")}t`;
  const items = tensors.map(([name, shape], i) => {
    const storage = `(${text("storage")}ctorch\nBFloat16Storage\n${text(String(i))}${text("cpu")}${int(numel(shape))}tQ`;
    const strides = shape.length === 1 ? [1] : [shape[1]!, 1];
    const rest = `${int(0)}${tuple(shape)}${tuple(strides)}\x89ccollections\nOrderedDict\n)R`;
    return `${text(name)}ctorch._utils\n_rebuild_tensor_v2\n(${storage}${rest}tR`;
  });
  return Buffer.from(`\x80\x02}(${items.join("")}u.`, "latin1");
}

function numel(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size);
}

function bigNumber(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function zeroCrc(size: number): number {
  const zeros = new Uint8Array(1 << 20);
  let crc = 0;
  for (let left = size; left > 0; left -= zeros.length)
    crc = crc32(zeros.subarray(0, Math.min(left, zeros.length)), crc);
  return crc;
}

/** The tokenizer with additional pieces that no text is encoded to. */
function longTokenizer(file: string, size: number): Buffer {
  const writer = new BinaryWriter();
  for (let id = readSentencePieceModel(readTokenizerFile(file)).pieces.length; id < size; id++) {
    writer.tag(1, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(`unused${id}`);
    writer.tag(2, WireType.Bit32).float(-id).join();
  }
  return Buffer.concat([readFileSync(file), writer.finish()]);
}
