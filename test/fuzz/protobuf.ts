/** Mutates a SentencePiece model: its fields at two levels, with correct lengths, and sometimes the bytes. */
import { mutateBytes } from "./bytes.js";
import type { Dice } from "./dice.js";

interface Field {
  tag: number;
  /** The bytes after the tag; without the length for a length-delimited field. */
  value: Buffer;
}

export function mutateModel(dice: Dice, model: Uint8Array): Buffer {
  const fields = split(Buffer.from(model));
  for (let count = 1 + dice.below(3); count > 0; count--) {
    const at = dice.below(fields.length);
    const field = fields[at];
    if (field === undefined) break;
    // most fields are pieces: choose the other fields as often
    const specs = fields.filter(({ tag }) => tag >> 3 !== 1);
    const target = dice.chance(0.5) && specs.length > 0 ? dice.pick(specs) : field;
    const kind = dice.below(6);
    if (kind === 0) fields.splice(at, 1 + dice.below(300));
    else if (kind === 1) fields.splice(at, 0, ...fields.slice(at, at + 1 + dice.below(300)));
    else if (kind === 2) target.tag = dice.below(1 << dice.pick([3, 7, 14]));
    else if (kind === 3) target.value = mutateBytes(dice, target.value);
    else if ((target.tag & 7) === 2) target.value = mutateFields(dice, target.value);
  }
  const bytes = join(fields);
  return dice.chance(0.15) ? mutateBytes(dice, bytes) : bytes;
}

function mutateFields(dice: Dice, message: Buffer): Buffer {
  const fields = split(message);
  if (fields.length === 0) return dice.bytes(4);
  const field = dice.pick(fields);
  if (dice.chance(0.2)) fields.splice(fields.indexOf(field), 1);
  else if (dice.chance(0.3)) fields.push({ tag: dice.below(50) << 3, value: varint(dice.edge()) });
  else if ((field.tag & 7) === 0) field.value = varint(dice.edge());
  else field.value = mutateBytes(dice, field.value);
  return join(fields);
}

/** Splits a message into fields, as far as it is valid. */
function split(bytes: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const number = () => {
    let value = 0;
    for (let shift = 0; at < bytes.length && shift < 63; shift += 7) {
      const byte = bytes[at++]!;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
    }
    return value;
  };
  while (at < bytes.length) {
    const tag = number();
    const start = at;
    const wire = tag & 7;
    if (wire === 0) number();
    else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else if (wire === 2) {
      const length = number();
      const from = at;
      at = Math.min(bytes.length, from + length);
      fields.push({ tag, value: bytes.subarray(from, at) });
      continue;
    } else at = bytes.length;
    fields.push({ tag, value: bytes.subarray(start, at) });
  }
  return fields;
}

function join(fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.flatMap(({ tag, value }) =>
      (tag & 7) === 2 ? [varint(tag), varint(value.length), value] : [varint(tag), value],
    ),
  );
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(Math.trunc(value)));
  do {
    bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}
