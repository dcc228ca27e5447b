/** Opens a PyTorch checkpoint (.pth) and describes its tensors, without reading their numbers. Knows the zip container that torch.save writes since 1.6. */
import { LlamaError } from "../../error.js";
import { type ByteSource, openFile, readBytes } from "../files/byte-source.js";
import { unexpectedKind } from "../files/file-kind.js";
import { quoted } from "../files/quoted.js";
import { isPickle, MAX_PICKLE_BYTES, readPickle } from "../pickle/pickle.js";
import type { StorageLocation, StoredTensor, UnreadTensors } from "../tensor/stored-tensor.js";
import { readLegacyPth } from "./legacy-pth.js";
import { readStateDict } from "./state-dict.js";
import { type TorchStorage, torchRules } from "./torch-globals.js";
import { isZip, listZip, readZipEntry, type ZipEntry } from "./zip.js";

/** Enough to recognise what kind of file it is. */
const HEAD_BYTES = 64;
/** The byteorder record holds one word. */
const MAX_BYTEORDER_BYTES = 64;
/** A deflated storage is held in memory as a whole while its tensors are read; torch itself never deflates. */
const MAX_DEFLATED_STORAGE = 1024 ** 3;

/**
 * All tensors of a checkpoint file, in file order; throws a LlamaError that says what is wrong with the file. Entries that are
 * not tensors of a type that can be read are put into `unread`; without it they are an error.
 */
export function openPth(path: string, unread?: UnreadTensors): StoredTensor[] {
  const source = openFile(path);
  try {
    const head = readBytes(source, 0, Math.min(HEAD_BYTES, source.size));
    if (isZip(head)) return readZipPth(source, unread);
    if (isPickle(head)) return readLegacyPth(source, unread);
    throw unexpectedKind(source, head, "a PyTorch checkpoint");
  } finally {
    source.close();
  }
}

/** The kind of file that a tensor is in. Torch has written zip archives, which have checksums, since 1.6. */
export function pthContainer({ storage }: StoredTensor): string {
  return storage.crc32 === undefined ? "PyTorch before 1.6" : "PyTorch (zip)";
}

function readZipPth(source: ByteSource, unread?: UnreadTensors): StoredTensor[] {
  const entries = listZip(source);
  const pickle = findPickle(source, entries);
  const folder = pickle.name.slice(0, pickle.name.lastIndexOf("/") + 1);
  checkByteOrder(source, entries.get(`${folder}byteorder`));
  const bytes = readZipEntry(source, pickle, MAX_PICKLE_BYTES);
  const { value } = readPickle(bytes, torchRules(`${source.name}: ${quoted(pickle.name)}`));
  const locateStorage = ({ key }: TorchStorage) => {
    const entry = entries.get(`${folder}data/${key}`);
    if (entry !== undefined) return locate(source, entry);
    throw new LlamaError("model", `storage ${quoted(key)} is missing`, {
      where: source.name,
      expected: `an entry ${quoted(`${folder}data/${key}`)} in the archive`,
      fix: "Copy or download the file again",
    });
  };
  return readStateDict(source.name, value, locateStorage, unread);
}

/** Torch names the folder after the file, or "archive"; a renamed file keeps the old name inside. */
function findPickle(source: ByteSource, entries: ReadonlyMap<string, ZipEntry>): ZipEntry {
  const pickles = [...entries.values()].filter(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickles.length === 1) return pickles[0]!;
  throw new LlamaError(
    "model",
    pickles.length === 0
      ? "is a zip archive without data.pkl, not a PyTorch checkpoint"
      : "is ambiguous: the archive holds more than one data.pkl",
    {
      where: source.name,
      found: (pickles.length === 0 ? [...entries.keys()] : pickles.map(({ name }) => name))
        .slice(0, 3)
        .map(quoted)
        .join(", "),
      fix: "Use Meta's consolidated.NN.pth files",
    },
  );
}

function checkByteOrder(source: ByteSource, entry: ZipEntry | undefined): void {
  // Older versions of torch do not write the record.
  if (entry === undefined) return;
  const order = Buffer.from(readZipEntry(source, entry, MAX_BYTEORDER_BYTES))
    .toString("latin1")
    .trim();
  if (order === "little") return;
  throw new LlamaError("model", "big-endian checkpoints are not supported", {
    where: source.name,
    expected: "byteorder little",
    found: quoted(order),
    fix: "Load and save it again with PyTorch on a little-endian machine",
  });
}

function locate(source: ByteSource, { name, offset, storedSize, size, deflated, crc32 }: ZipEntry): StorageLocation {
  if (!deflated) return { file: source.name, offset, byteLength: size, crc32 };
  if (Math.max(size, storedSize) > MAX_DEFLATED_STORAGE) {
    throw new LlamaError("model", "compressed storage is too large to read", {
      where: `${source.name}: ${quoted(name)}`,
      expected: `at most ${MAX_DEFLATED_STORAGE} bytes`,
      found: String(Math.max(size, storedSize)),
      fix: "Save the checkpoint again with torch.save, which does not compress",
    });
  }
  return { file: source.name, offset, byteLength: size, deflatedLength: storedSize, crc32 };
}
