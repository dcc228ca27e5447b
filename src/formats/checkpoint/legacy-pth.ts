/** Reads the container that torch.save wrote before version 1.6: five pickles, then the storages one after another. */
import { LlamaError } from "../../error.js";
import { type ByteSource, readBytes } from "../files/byte-source.js";
import { quoted } from "../files/quoted.js";
import { MAX_PICKLE_BYTES, type PickleRules, type PickleValue, readPickle } from "../pickle/pickle.js";
import type { StorageLocation, StoredTensor, UnreadTensors } from "../tensor/stored-tensor.js";
import { readStateDict } from "./state-dict.js";
import { type TorchStorage, torchRules } from "./torch-globals.js";

/** torch.serialization.MAGIC_NUMBER and PROTOCOL_VERSION */
const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;
const NUMEL_BYTES = 8;

/** All tensors of a legacy checkpoint; throws a LlamaError if it is truncated, corrupt, or not a checkpoint. `unread` as in openPth(). */
export function readLegacyPth(source: ByteSource, unread?: UnreadTensors): StoredTensor[] {
  const head = readBytes(source, 0, Math.min(source.size, MAX_PICKLE_BYTES));
  let position = 0;
  const next = (rules: PickleRules): PickleValue => {
    const { value, end } = readPickle(head, rules, position);
    position = end;
    return value;
  };
  const plain: PickleRules = { where: source.name, globals: new Map() };
  checkMagic(source, () => next(plain));
  checkSystem(source, next(plain));

  const storages = new Map<string, TorchStorage>();
  const root = next(torchRules(source.name, (storage) => storages.set(storage.key, storage)));
  const keys = next(plain);
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === "string")) {
    throw corrupt(source, "the list of storages is not a list of names");
  }
  let locations: Map<string, StorageLocation> | undefined;
  const locate = ({ key }: TorchStorage) => {
    locations ??= locateStorages(source, keys, storages, position);
    const location = locations.get(key);
    if (location === undefined) throw corrupt(source, `storage ${quoted(key)} is missing`);
    return location;
  };
  return readStateDict(source.name, root, locate, unread);
}

function checkMagic(source: ByteSource, next: () => PickleValue): void {
  let magic: PickleValue;
  try {
    magic = next();
  } catch (cause) {
    if (!(cause instanceof LlamaError)) throw cause;
    magic = null;
  }
  if (magic !== MAGIC) {
    throw new LlamaError("model", "is a Python pickle, but not one that torch.save wrote", {
      where: source.name,
      fix: "Use Meta's consolidated.NN.pth files",
    });
  }
  const protocol = next();
  if (protocol !== PROTOCOL) {
    throw new LlamaError("model", "unknown version of the legacy format", {
      where: source.name,
      expected: String(PROTOCOL),
      found: typeof protocol === "number" ? String(protocol) : "not a number",
    });
  }
}

function checkSystem(source: ByteSource, system: PickleValue): void {
  if (!(system instanceof Map)) throw corrupt(source, "the record of the writing system is not a dict");
  if (system.get("little_endian") === false) {
    throw new LlamaError("model", "big-endian checkpoints are not supported", {
      where: source.name,
      fix: "Load and save it again with PyTorch on a little-endian machine",
    });
  }
}

/** Each storage is its number of elements (int64), then its bytes; its element type is only in the pickle. */
function locateStorages(
  source: ByteSource,
  keys: readonly string[],
  storages: ReadonlyMap<string, TorchStorage>,
  start: number,
): Map<string, StorageLocation> {
  const locations = new Map<string, StorageLocation>();
  let position = start;
  for (const key of keys) {
    const storage = storages.get(key);
    if (storage?.elementBytes === undefined) throw corrupt(source, `storage ${quoted(key)} has no known type`);
    if (locations.has(key)) throw corrupt(source, `storage ${quoted(key)} is listed twice`);
    const numel = Number(Buffer.from(readBytes(source, position, NUMEL_BYTES).buffer).readBigInt64LE());
    const byteLength = numel * storage.elementBytes;
    const offset = position + NUMEL_BYTES;
    if (numel < 0 || offset + byteLength > source.size) {
      throw new LlamaError("model", "ends too early", {
        where: source.name,
        expected: `${numel} elements of ${storage.dtype ?? storage.className} at offset ${offset} (storage ${quoted(key)})`,
        found: `${source.size} bytes in total`,
        fix: "The file is truncated: copy or download it again",
      });
    }
    locations.set(key, { file: source.name, offset, byteLength });
    position = offset + byteLength;
  }
  return locations;
}

function corrupt(source: ByteSource, problem: string): LlamaError {
  return new LlamaError("model", `corrupt legacy checkpoint: ${problem}`, {
    where: source.name,
    fix: "Copy or download the file again",
  });
}
