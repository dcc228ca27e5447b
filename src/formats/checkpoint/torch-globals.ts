/** Reads the Python globals and persistent ids of torch.save as data. Knows how torch describes a tensor; does not know where its bytes are. */

import { quoted } from "../files/quoted.js";
import {
  type Build,
  type Fail,
  PickleGlobal,
  PickleObject,
  type PickleRules,
  type PickleValue,
} from "../pickle/pickle.js";
import { ELEMENT_BYTES, type FloatType } from "../tensor/stored-tensor.js";

/** A block of numbers; tensors are views of it. */
export class TorchStorage extends PickleObject {
  /** Python class, for example HalfStorage. */
  readonly className: string;
  /** Name of its bytes in the container. */
  readonly key: string;
  /** Elements. */
  readonly numel: number;

  constructor(className: string, key: string, numel: number) {
    super();
    this.className = className;
    this.key = key;
    this.numel = numel;
  }

  /** Undefined when llama-ts cannot read elements of this type. */
  get dtype(): FloatType | undefined {
    return STORAGE_TYPES.get(this.className);
  }

  /** Bytes of one element; undefined when nobody needs to know. */
  get elementBytes(): number | undefined {
    return this.dtype === undefined ? UNREAD_BYTES.get(this.className) : ELEMENT_BYTES[this.dtype];
  }
}

/** A view of a storage as the pickle describes it; only the types of the values have been checked. */
export class TorchTensor extends PickleObject {
  readonly storage: TorchStorage;
  readonly storageOffset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];

  constructor(storage: TorchStorage, storageOffset: number, shape: readonly number[], strides: readonly number[]) {
    super();
    this.storage = storage;
    this.storageOffset = storageOffset;
    this.shape = shape;
    this.strides = strides;
  }
}

const STORAGE_TYPES: ReadonlyMap<string, FloatType | undefined> = new Map([
  ["HalfStorage", "fp16"],
  ["BFloat16Storage", "bf16"],
  ["FloatStorage", "fp32"],
  ["DoubleStorage", "fp64"],
  // Known by name only, so that the error can name the tensor.
  ...[
    "ByteStorage",
    "CharStorage",
    "ShortStorage",
    "IntStorage",
    "LongStorage",
    "BoolStorage",
    "ComplexFloatStorage",
    "ComplexDoubleStorage",
    "QInt8Storage",
    "QUInt8Storage",
    "QInt32Storage",
    "QUInt4x2Storage",
    "QUInt2x4Storage",
  ].map((name): [string, undefined] => [name, undefined]),
]);

/** What a storage without a type of its own is made of: its elements are bytes, and the tensor has the type. */
const UNTYPED = "UntypedStorage";

/** Bytes of the elements of types that are known by name only, where the container needs them. */
const UNREAD_BYTES: ReadonlyMap<string, number> = new Map([
  ...["ByteStorage", "CharStorage", "BoolStorage"].map((name): [string, number] => [name, 1]),
  ...[["ShortStorage", 2] as const, ["IntStorage", 4] as const, ["LongStorage", 8] as const],
  ...[["ComplexFloatStorage", 8] as const, ["ComplexDoubleStorage", 16] as const, [UNTYPED, 1] as const],
]);

/** Types that torch has without a storage class of their own. */
const UNTYPED_DTYPES = [
  ...["uint16", "uint32", "uint64", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz"],
  ...["float8_e8m0fnu", "float4_e2m1fn_x2"],
];

/** Weights have 2 axes; this bounds the copy of its shape that each tensor makes. */
const MAX_RANK = 64;

const TORCH_GLOBALS: ReadonlyMap<string, PickleGlobal> = new Map(
  [
    new PickleGlobal("collections.OrderedDict", newOrderedDict),
    new PickleGlobal("torch._utils._rebuild_tensor_v2", rebuildTensor),
    new PickleGlobal("torch._utils._rebuild_tensor_v3", rebuildUntyped),
    new PickleGlobal("torch._utils._rebuild_parameter", rebuildParameter),
    new PickleGlobal(`torch.storage.${UNTYPED}`),
    ...UNTYPED_DTYPES.map((name) => new PickleGlobal(`torch.${name}`)),
    ...[...STORAGE_TYPES.keys()].map((name) => new PickleGlobal(`torch.${name}`)),
  ].map((global) => [global.name, global]),
);

/** Rules to read the pickle of a checkpoint; calls `onStorage` with every storage that it names. */
export function torchRules(where: string, onStorage?: (storage: TorchStorage) => void): PickleRules {
  return {
    where,
    globals: TORCH_GLOBALS,
    persistentLoad(id, fail) {
      const storage = loadStorage(id, fail);
      onStorage?.(storage);
      return storage;
    },
  };
}

/** ("storage", class, key, location, numel), and in the legacy container a sixth item for views. The location is the device it was saved from; ignored. */
function loadStorage(id: PickleValue, fail: Fail): TorchStorage {
  const [tag, type, key, , numel, view = null] = Array.isArray(id) ? id : [];
  if (tag !== "storage" || !(type instanceof PickleGlobal) || typeof key !== "string" || !isCount(numel)) {
    throw fail("persistent id is not one of a storage");
  }
  const className = type.name.replace(/^torch\.(storage\.(?=UntypedStorage$))?/, "");
  if (className !== UNTYPED && !STORAGE_TYPES.has(className)) throw fail(`${type.name} is not a storage class`);
  if (view !== null) throw fail(`storage ${quoted(key)} is a view of another, as PyTorch before 0.4 wrote it`, RESAVE);
  return new TorchStorage(className, key, numel);
}

const RESAVE = "Load and save it again with a newer PyTorch";

/** Python 3 passes no arguments and sets the items afterwards. */
function newOrderedDict(...[args, fail]: Parameters<Build>): PickleValue {
  if (args.length > 0) throw fail("OrderedDict with arguments", RESAVE);
  return new Map();
}

/** (storage, storage_offset, size, stride, requires_grad, backward_hooks[, metadata]) */
function rebuildTensor(...[args, fail]: Parameters<Build>): PickleValue {
  const [storage, offset, shape, strides, , , metadata = null] = args;
  if (!(storage instanceof TorchStorage)) throw fail("corrupt tensor record: no storage");
  if (!isInteger(offset) || !areIntegers(shape) || !areIntegers(strides)) {
    throw fail("corrupt tensor record: offset, size or stride is not made of integers");
  }
  // Metadata says that the numbers must be negated or conjugated when they are read.
  if (metadata !== null && !(metadata instanceof Map && metadata.size === 0)) {
    throw fail("tensor with metadata (a negated or conjugated view)", RESAVE);
  }
  return new TorchTensor(storage, offset, shape.slice(), strides.slice());
}

/** (storage, storage_offset, size, stride, requires_grad, backward_hooks, dtype): a tensor whose type has no storage class. None of these types can be read. */
function rebuildUntyped(...[args, fail]: Parameters<Build>): PickleValue {
  const [storage, offset, shape, strides, grad, hooks, dtype, metadata] = args;
  if (!(storage instanceof TorchStorage) || !(dtype instanceof PickleGlobal)) {
    throw fail("corrupt tensor record: no storage or no type");
  }
  const typed = new TorchStorage(dtype.name, storage.key, storage.numel);
  return rebuildTensor([typed, offset!, shape!, strides!, grad!, hooks!, metadata ?? null], fail);
}

/** (data, requires_grad, backward_hooks): a torch.nn.Parameter is read as a plain tensor. */
function rebuildParameter(...[args, fail]: Parameters<Build>): PickleValue {
  const [data] = args;
  if (!(data instanceof TorchTensor)) throw fail("corrupt parameter record: no tensor");
  return data;
}

function isInteger(value: PickleValue | undefined): value is number {
  return Number.isSafeInteger(value);
}

function isCount(value: PickleValue | undefined): value is number {
  return isInteger(value) && value >= 0;
}

function areIntegers(values: PickleValue | undefined): values is number[] {
  return Array.isArray(values) && values.length <= MAX_RANK && values.every(isInteger);
}
