/** The opcodes of pickle, protocols 0 to 5 (CPython, pickletools); implements those that checkpoints use. Does not know torch. */

import { quoted } from "../files/quoted.js";
import type { PickleMachine } from "./machine.js";
import { PickleGlobal, type PickleValue } from "./value.js";

export interface Opcode {
  name: string;
  /** Absent if checkpoints do not use it. */
  run?: (machine: PickleMachine) => void;
}

export const PROTO = 0x80;
export const STOP = 0x2e;
export const MAX_PROTOCOL = 5;

/** By byte. */
export const OPCODES: ReadonlyMap<number, Opcode> = new Map(
  (
    [
      ["\x80", "PROTO", protocol],
      ["\x95", "FRAME", (m) => void m.uint(8)],
      [".", "STOP"],
      ["(", "MARK", (m) => m.mark()],
      ["0", "POP", (m) => void m.pop()],
      ["1", "POP_MARK", (m) => void m.popToMark()],
      ["2", "DUP", (m) => m.push(m.top())],

      ["N", "NONE", (m) => m.push(null)],
      ["\x88", "NEWTRUE", (m) => m.push(true)],
      ["\x89", "NEWFALSE", (m) => m.push(false)],
      ["I", "INT", (m) => m.push(m.integerLine())],
      ["L", "LONG", (m) => m.push(m.integerLine())],
      ["J", "BININT", (m) => m.push(m.int32())],
      ["K", "BININT1", (m) => m.push(m.uint(1))],
      ["M", "BININT2", (m) => m.push(m.uint(2))],
      ["\x8a", "LONG1", (m) => m.push(m.long(m.uint(1)))],
      ["\x8b", "LONG4", (m) => m.push(m.long(m.uint(4)))],
      ["G", "BINFLOAT", (m) => m.push(m.float64())],
      ["V", "UNICODE", (m) => m.push(m.line())],
      ["X", "BINUNICODE", (m) => m.push(m.text(m.uint(4)))],
      ["\x8c", "SHORT_BINUNICODE", (m) => m.push(m.text(m.uint(1)))],
      ["\x8d", "BINUNICODE8", (m) => m.push(m.text(m.uint(8)))],
      ["T", "BINSTRING", (m) => m.push(m.text(m.uint(4)))],
      ["U", "SHORT_BINSTRING", (m) => m.push(m.text(m.uint(1)))],
      ["B", "BINBYTES", (m) => m.push(m.bytes(m.uint(4)))],
      ["C", "SHORT_BINBYTES", (m) => m.push(m.bytes(m.uint(1)))],
      ["\x8e", "BINBYTES8", (m) => m.push(m.bytes(m.uint(8)))],

      [")", "EMPTY_TUPLE", (m) => m.push([])],
      ["\x85", "TUPLE1", (m) => m.push(popTuple(m, 1))],
      ["\x86", "TUPLE2", (m) => m.push(popTuple(m, 2))],
      ["\x87", "TUPLE3", (m) => m.push(popTuple(m, 3))],
      ["t", "TUPLE", (m) => m.push(m.popToMark())],
      ["]", "EMPTY_LIST", (m) => m.push([])],
      ["l", "LIST", (m) => m.push(m.popToMark())],
      ["a", "APPEND", (m) => append(m, [m.pop()])],
      ["e", "APPENDS", (m) => append(m, m.popToMark())],
      ["}", "EMPTY_DICT", (m) => m.push(new Map())],
      ["d", "DICT", newDict],
      ["s", "SETITEM", (m) => setItems(m, popTuple(m, 2))],
      ["u", "SETITEMS", (m) => setItems(m, m.popToMark())],

      ["p", "PUT", (m) => m.put(m.integerLine())],
      ["q", "BINPUT", (m) => m.put(m.uint(1))],
      ["r", "LONG_BINPUT", (m) => m.put(m.uint(4))],
      ["\x94", "MEMOIZE", (m) => m.memoize()],
      ["g", "GET", (m) => m.push(m.get(m.integerLine()))],
      ["h", "BINGET", (m) => m.push(m.get(m.uint(1)))],
      ["j", "LONG_BINGET", (m) => m.push(m.get(m.uint(4)))],

      ["c", "GLOBAL", (m) => m.push(findGlobal(m, m.line(), m.line()))],
      ["\x93", "STACK_GLOBAL", stackGlobal],
      ["R", "REDUCE", reduce],
      ["b", "BUILD", build],
      ["Q", "BINPERSID", persistentId],

      ["i", "INST", inst],
      ["o", "OBJ"],
      ["\x81", "NEWOBJ"],
      ["\x92", "NEWOBJ_EX"],
      ["P", "PERSID"],
      ["S", "STRING"],
      ["F", "FLOAT"],
      ["\x82", "EXT1"],
      ["\x83", "EXT2"],
      ["\x84", "EXT4"],
      ["\x8f", "EMPTY_SET"],
      ["\x90", "ADDITEMS"],
      ["\x91", "FROZENSET"],
      ["\x96", "BYTEARRAY8"],
      ["\x97", "NEXT_BUFFER"],
      ["\x98", "READONLY_BUFFER"],
    ] satisfies [string, string, Opcode["run"]?][] as [string, string, Opcode["run"]?][]
  ).map(([byte, name, run]) => [byte.charCodeAt(0), run === undefined ? { name } : { name, run }]),
);

function protocol(machine: PickleMachine): void {
  const version = machine.uint(1);
  if (version > MAX_PROTOCOL)
    throw machine.fail(`pickle protocol ${version} is not supported (at most ${MAX_PROTOCOL})`);
}

function popTuple(machine: PickleMachine, length: number): PickleValue[] {
  const items: PickleValue[] = [];
  for (let i = 0; i < length; i++) items.unshift(machine.pop());
  return items;
}

function append(machine: PickleMachine, items: readonly PickleValue[]): void {
  const list = machine.top();
  if (!Array.isArray(list)) throw machine.fail("corrupt pickle: items are added to a value that is not a list");
  for (const item of items) list.push(item);
}

function newDict(machine: PickleMachine): void {
  const items = machine.popToMark();
  machine.push(new Map());
  setItems(machine, items);
}

function setItems(machine: PickleMachine, items: readonly PickleValue[]): void {
  const dict = machine.top();
  if (!(dict instanceof Map)) throw machine.fail("corrupt pickle: items are set in a value that is not a dict");
  if (items.length % 2 !== 0) throw machine.fail("corrupt pickle: a dict key has no value");
  for (let i = 0; i < items.length; i += 2) {
    const key = items[i]!;
    if (typeof key === "object" && key !== null) throw machine.fail("a dict key is neither text nor a number");
    dict.set(key, items[i + 1]!);
  }
}

/** Looks names up in the allow-list only, so that no name in a file can reach code. */
function findGlobal(machine: PickleMachine, module: string, name: string): PickleGlobal {
  const found = machine.rules.globals.get(`${module}.${name}`);
  if (found !== undefined) return found;
  const what = module.startsWith("torch") ? "unsupported kind of tensor or object:" : "Python global is not allowed:";
  throw machine.fail(
    `${what} ${quoted(`${module}.${name}`)}`,
    "A checkpoint should hold only plain tensors; use one from a source you trust",
  );
}

/** Always rejected: the only use of this opcode is to call something. */
function inst(machine: PickleMachine): void {
  const { name } = findGlobal(machine, machine.line(), machine.line());
  throw machine.fail(`calling ${name} with the opcode INST is not allowed`);
}

function stackGlobal(machine: PickleMachine): void {
  const [module, name] = popTuple(machine, 2);
  if (typeof module !== "string" || typeof name !== "string") throw machine.fail("corrupt pickle: global without name");
  machine.push(findGlobal(machine, module, name));
}

function reduce(machine: PickleMachine): void {
  const args = machine.pop();
  const callable = machine.pop();
  if (!(callable instanceof PickleGlobal) || callable.build === undefined || !Array.isArray(args)) {
    const name = callable instanceof PickleGlobal ? callable.name : "a value that is not a function";
    throw machine.fail(`calling ${name} is not allowed`);
  }
  machine.push(callable.build(args, machine.fail));
}

/** A state dict stores its module versions this way (`_metadata`); they do not affect the tensors. */
function build(machine: PickleMachine): void {
  machine.pop();
  if (!(machine.top() instanceof Map))
    throw machine.fail("setting the state of an object other than a dict is not allowed");
}

function persistentId(machine: PickleMachine): void {
  const load = machine.rules.persistentLoad;
  if (load === undefined) throw machine.fail("unexpected persistent id");
  machine.push(load(machine.pop(), machine.fail));
}
