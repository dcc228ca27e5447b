/** Turns the root value of a checkpoint's pickle into tensor descriptions and checks everything it claims. Does not know the container. */
import { LlamaError } from "../../error.js";
import { quoted } from "../files/quoted.js";
import type { PickleValue } from "../pickle/pickle.js";
import {
  ELEMENT_BYTES,
  isTensorName,
  type StorageLocation,
  type StoredTensor,
  type UnreadTensors,
} from "../tensor/stored-tensor.js";
import { type TorchStorage, TorchTensor } from "./torch-globals.js";

/**
 * All tensors of a state dict, in its order. `locate` finds the bytes of a storage, or throws.
 * Throws a LlamaError if the root is not a dict of tensors, or if a tensor exceeds its storage. Values that are not tensors and
 * tensors of an unknown type are put into `unread`; without it they are an error.
 */
export function readStateDict(
  file: string,
  root: PickleValue,
  locate: (storage: TorchStorage) => StorageLocation,
  unread?: UnreadTensors,
): StoredTensor[] {
  if (!(root instanceof Map)) throw notTensors(file, describe(root));
  if (root.size === 0) throw notTensors(file, "an empty dict");
  const values = [...root.values()];
  const nested = [...root].find(([, value]) => value instanceof Map && value.size > 0);
  if (nested !== undefined && !values.some((value) => value instanceof TorchTensor)) {
    const key = quoted(String(nested[0]));
    throw notTensors(file, `a dict under the key ${key}`, "Save the inner dict by itself with torch.save");
  }
  const tensors: StoredTensor[] = [];
  for (const [key, value] of root) {
    const name = checkName(file, key);
    const error = unreadable(`${file}: ${name}`, value);
    if (error === null) tensors.push(readTensor(file, name, value as TorchTensor, locate));
    else if (unread === undefined) throw error;
    else unread.set(name, error);
  }
  return tensors;
}

/** The error for a value that cannot be read as weights; null for a tensor that can. */
function unreadable(where: string, value: PickleValue): LlamaError | null {
  if (!(value instanceof TorchTensor)) {
    const fix = "A checkpoint may hold only tensors: remove this key";
    return new LlamaError("model", "is not a tensor", { where, found: describe(value), fix });
  }
  if (value.storage.dtype !== undefined) return null;
  const expected = "torch.HalfStorage, BFloat16Storage, FloatStorage or DoubleStorage";
  return new LlamaError("model", "unsupported dtype", { where, expected, found: value.storage.className });
}

function readTensor(
  file: string,
  name: string,
  tensor: TorchTensor,
  locate: (storage: TorchStorage) => StorageLocation,
): StoredTensor {
  const { storage, storageOffset, shape, strides } = tensor;
  const where = `${file}: ${name}`;
  const dtype = storage.dtype!;
  if (shape.length !== strides.length) {
    throw new LlamaError("model", "corrupt tensor record", {
      where,
      expected: "as many strides as sizes",
      found: `${strides.length} and ${shape.length}`,
    });
  }
  for (const [what, numbers] of [
    ["size", shape],
    ["stride", strides],
    ["storage offset", [storageOffset]],
  ] as const) {
    if (numbers.some((number) => number < 0)) {
      throw new LlamaError("model", `negative ${what}`, { where, found: `[${numbers.join(", ")}]` });
    }
  }
  if (!Number.isSafeInteger(shape.reduce((product, size) => product * size, 1))) {
    throw new LlamaError("model", "size is out of range", { where, found: `[${shape.join(", ")}]` });
  }
  // Doubles do not overflow here, and a sum so large that it is rounded is outside anyway.
  const reach = shape.includes(0)
    ? storageOffset
    : shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis]!, storageOffset + 1);
  if (reach > storage.numel) {
    throw new LlamaError("model", "tensor reaches outside its storage", {
      where,
      expected: `at most ${storage.numel} elements`,
      found: `${reach} (size [${shape.join(", ")}], stride [${strides.join(", ")}], offset ${storageOffset})`,
      fix: "The file is corrupt: copy or download it again",
    });
  }
  const location = locate(storage);
  const claimed = storage.numel * ELEMENT_BYTES[dtype];
  if (location.byteLength !== claimed) {
    throw new LlamaError("model", "length of the storage differs from what the pickle says", {
      where,
      expected: `${claimed} bytes (${storage.numel} elements of ${dtype})`,
      found: String(location.byteLength),
      fix: "The file is corrupt: copy or download it again",
    });
  }
  return { name, dtype, shape, strides, storageOffset, storage: location };
}

function checkName(file: string, key: PickleValue): string {
  if (typeof key === "string" && isTensorName(key)) return key;
  const found = typeof key === "string" ? quoted(key) : describe(key);
  throw new LlamaError("model", "state dict has a key that is not a valid tensor name", { where: file, found });
}

function notTensors(file: string, found: string, fix?: string): LlamaError {
  return new LlamaError("model", "is not a dict of tensors (no tensors at the top level)", {
    where: file,
    found,
    fix: fix ?? "A checkpoint is what torch.save(model.state_dict(), file) writes",
  });
}

/** Says what a value is without walking it: values may share parts, so that a walk would never end. */
function describe(value: PickleValue): string {
  if (typeof value === "string") return `the text ${quoted(value)}`;
  if (typeof value === "number" || typeof value === "bigint") return `the number ${quoted(String(value))}`;
  if (typeof value === "boolean") return value ? "True" : "False";
  if (value === null) return "None";
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value instanceof Map) return `a dict of ${value.size}`;
  return value instanceof TorchTensor ? "a tensor" : "a Python object";
}
