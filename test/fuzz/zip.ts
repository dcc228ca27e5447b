/** Mutates a .pth file: its pickle or one entry in a valid archive, or the records of the archive itself. */

import { listZip } from "../../src/formats/checkpoint/zip.js";
import { openFile } from "../../src/formats/files/byte-source.js";
import { makeZip } from "../formats/sample-files.js";
import { mutateBytes } from "./bytes.js";
import type { Dice } from "./dice.js";
import { mutatePickle } from "./pickle.js";

/** An archive and its entries. */
export interface Archive {
  bytes: Buffer;
  files: Record<string, Buffer>;
}

const SIGNATURES = [0x02014b50, 0x04034b50, 0x06054b50, 0x06064b50, 0x07064b50];
/** Length of a record within which numbers are changed. */
const RECORD_BYTES = 56;

export function takeApart(file: string, bytes: Buffer): Archive {
  const source = openFile(file);
  const files: Record<string, Buffer> = {};
  for (const { name, offset, storedSize } of listZip(source).values()) {
    files[name] = bytes.subarray(offset, offset + storedSize);
  }
  source.close();
  return { bytes, files };
}

export function mutateArchive(dice: Dice, { bytes, files }: Archive): Buffer {
  const names = Object.keys(files);
  const kind = dice.below(10);
  if (kind === 0) return mutateBytes(dice, bytes);
  if (kind <= 2) return mutateRecords(dice, bytes);
  if (kind <= 4) {
    const name = dice.pick(names);
    const changed = { ...files };
    const change = dice.below(4);
    if (change === 0) delete changed[name];
    else if (change === 1) changed[dice.pick(names)] = files[name]!;
    else changed[name] = mutateBytes(dice, files[name]!);
    return makeZip(changed, dice.chance(0.3) ? (header) => spoil(dice, header) : undefined);
  }
  const pickle = names.find((name) => name.endsWith("/data.pkl"))!;
  return makeZip({ ...files, [pickle]: mutatePickle(dice, files[pickle]!) });
}

/** Changes numbers in some of the archive's own records. */
function mutateRecords(dice: Dice, input: Buffer): Buffer {
  const bytes = Buffer.from(input);
  const places: number[] = [];
  for (let at = 0; at + 4 <= bytes.length; at++) if (SIGNATURES.includes(bytes.readUInt32LE(at))) places.push(at);
  for (let count = 1 + dice.below(3); count > 0; count--) {
    const place = dice.pick(places);
    spoil(dice, bytes.subarray(place, place + RECORD_BYTES));
  }
  return bytes;
}

function spoil(dice: Dice, record: Buffer): void {
  const width = dice.pick([1, 2, 4]);
  if (record.length < 4 + width) return;
  const at = 4 + dice.below(record.length - 4 - width);
  record.writeUIntLE(Math.max(0, dice.edge()) % 2 ** (8 * width), at, width);
}
