/** Mutates a pickle by its opcodes, so that most results are read far before an error is found. */
import { mutateBytes } from "./bytes.js";
import type { Dice } from "./dice.js";

/** One opcode with its argument. */
interface Token {
  code: number;
  argument: Buffer;
}

/** Opcodes with an argument of fixed length, and its bytes. */
const FIXED: Readonly<Record<string, number>> = {
  ...{ "\x80": 1, "\x95": 8, J: 4, K: 1, M: 2, G: 8, q: 1, r: 4, h: 1, j: 4 },
};
/** Opcodes with a length before their argument, and the bytes of the length. */
const COUNTED: Readonly<Record<string, number>> = {
  ...{ X: 4, T: 4, B: 4, "\x8b": 4, "\x8c": 1, U: 1, C: 1, "\x8a": 1, "\x8d": 8, "\x8e": 8 },
};
const LINES: Readonly<Record<string, number>> = { I: 1, L: 1, V: 1, p: 1, g: 1, c: 2, i: 2 };

const HOSTILE = [
  ...["cos\nsystem\n", "cbuiltins\neval\n", "c__proto__\nconstructor\n", "ctorch\nLongStorage\n", "cposix\nsystem\n"],
  ...["ctorch._utils\n_rebuild_tensor_v2\n", "ctorch._utils\n_rebuild_parameter\n", "ccollections\nOrderedDict\n"],
  ...[
    "X\x09\0\0\0__proto__",
    "X\x0b\0\0\0constructor",
    "X\0\0\0\0",
    "]",
    "}",
    ")",
    "(",
    "0",
    "1",
    "2",
    "N",
    "\x88",
    "Q",
  ],
  ...["R", "b", "s", "u", "a", "e", "d", "l", "t", "\x85", "\x86", "\x87", "\x94", "h\0", ".", "]q\0h\0a", "K\x05"],
  ...[
    "\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    "\x8b\xff\xff\xff\x7f",
    "X\xff\xff\xff\xff",
    "I99999999999999999999\n",
  ],
  ...[
    "G\x7f\xf8\0\0\0\0\0\0",
    "J\xff\xff\xff\xff",
    "M\xff\xff",
    "ios\nsystem\n",
    "o",
    "\x81",
    "\x93",
    "\x95\0\0\0\0\0\0\0\0",
  ],
].map((text) => Buffer.from(text, "latin1"));

export function mutatePickle(dice: Dice, pickle: Uint8Array): Buffer {
  const tokens = tokenize(pickle);
  let bytes: Buffer | undefined;
  for (let count = 1 + dice.below(3); count > 0; count--) {
    if (dice.chance(0.1)) bytes = mutateBytes(dice, bytes ?? write(tokens));
    else mutateTokens(dice, tokens);
  }
  return bytes ?? write(tokens);
}

function mutateTokens(dice: Dice, tokens: Token[]): void {
  const at = dice.below(tokens.length);
  const token = tokens[at];
  const hostile = (): Token => ({ code: -1, argument: dice.pick(HOSTILE) });
  if (token === undefined) {
    tokens.push(hostile());
    return;
  }
  switch (dice.below(9)) {
    case 0:
      tokens.splice(at, 1 + dice.below(4));
      return;
    case 1:
      tokens.splice(at, 0, hostile());
      return;
    case 2:
      tokens[at] = hostile();
      return;
    case 3:
      tokens.splice(at, 0, ...tokens.slice(at, at + 1 + dice.below(40)));
      return;
    case 4: {
      const other = dice.below(tokens.length);
      [tokens[at], tokens[other]] = [tokens[other]!, token];
      return;
    }
    case 5:
      tokens[at] = { ...token, code: dice.below(256) };
      return;
    case 6: {
      // the same opcode thousands of times: depth, marks, memo
      const one = dice.chance(0.5) ? hostile() : token;
      tokens.splice(at, 0, ...new Array<Token>(dice.pick([10, 1000, 50_000])).fill(one));
      return;
    }
    case 7: {
      // a number in the pickle: a size, stride, offset or key
      const numbers = tokens.filter(({ code }) => code === 0x4b || code === 0x4d || code === 0x4a);
      if (numbers.length === 0) return;
      Object.assign(dice.pick(numbers), integer(dice.edge() * (dice.chance(0.2) ? -1 : 1)));
      return;
    }
    default:
      tokens[at] = { ...token, argument: mutateBytes(dice, token.argument) };
  }
}

function integer(value: number): Token {
  if (value >= -(2 ** 31) && value < 2 ** 31) {
    const argument = Buffer.alloc(4);
    argument.writeInt32LE(value);
    return { code: 0x4a, argument };
  }
  const argument = Buffer.alloc(10);
  argument[0] = 9;
  argument.writeBigInt64LE(BigInt.asIntN(64, BigInt(value)), 1);
  argument[9] = value < 0 ? 255 : 0;
  return { code: 0x8a, argument };
}

/** Splits a pickle into opcodes with their arguments, as far as it is valid. */
function tokenize(pickle: Uint8Array): Token[] {
  const bytes = Buffer.from(pickle);
  const tokens: Token[] = [];
  let at = 0;
  while (at < bytes.length) {
    const code = bytes[at]!;
    const name = String.fromCharCode(code);
    const start = at + 1;
    let end = start + (FIXED[name] ?? 0);
    const width = COUNTED[name];
    if (width !== undefined) end = start + width + (width === 8 ? 0 : bytes.readUIntLE(start, width));
    for (let lines = LINES[name] ?? 0; lines > 0; lines--) end = bytes.indexOf(10, end) + 1;
    tokens.push({ code, argument: bytes.subarray(start, end) });
    at = Math.max(end, start);
  }
  return tokens;
}

/** A code of -1 means that there is no opcode, only the argument. */
function write(tokens: readonly Token[]): Buffer {
  return Buffer.concat(
    tokens.flatMap(({ code, argument }) => (code < 0 ? [argument] : [Buffer.from([code & 255]), argument])),
  );
}
