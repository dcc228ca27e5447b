import assert from "node:assert/strict";
import { test } from "node:test";
import { LlamaError } from "../../src/error.js";
import { TorchTensor, torchRules } from "../../src/formats/checkpoint/torch-globals.js";
import { type PickleRules, readPickle } from "../../src/formats/pickle/pickle.js";

const rules: PickleRules = torchRules("test.pth");
const read = (pickle: string) => readPickle(Buffer.from(pickle, "latin1"), rules).value;

function refuses(pickle: string, pattern: RegExp): void {
  assert.throws(
    () => read(pickle),
    (error) => error instanceof LlamaError && pattern.test(error.message) && !error.message.includes("\n"),
  );
}

/** Persistent id of a half storage "0" with 6 elements. */
const STORAGE = "(X\x07\0\0\0storagectorch\nHalfStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x06tQ";
const REBUILD = "ctorch._utils\n_rebuild_tensor_v2\n";
const ORDERED = "ccollections\nOrderedDict\n)R";

test("plain values of protocols 0 to 4 are read", () => {
  assert.deepEqual(read("(I1\nL-5L\nVabc\nl."), [1, -5, "abc"]);
  assert.deepEqual(read("\x80\x02(K\x05M\x01\x02J\xff\xff\xff\xffNt."), [5, 513, -1, null]);
  assert.deepEqual(read("\x80\x02(\x88\x89G?\xf8\0\0\0\0\0\0t."), [true, false, 1.5]);
  assert.equal(read("\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."), 0x1950a86a20f9469cfc6cn);
  assert.deepEqual(read("\x8a\x01\xff\x8a\x00\x86."), [-1, 0]);
  assert.deepEqual(read("\x80\x04\x95\x0b\0\0\0\0\0\0\0]\x94(\x8c\x01a\x94h\x01e."), ["a", "a"]);
  assert.deepEqual(
    read("}(X\x01\0\0\0aK\x01X\x01\0\0\0bK\x02u."),
    new Map([
      ["a", 1],
      ["b", 2],
    ]),
  );
  assert.deepEqual(read(`${ORDERED}}X\x01\0\0\0aK\x01sb.`), new Map(), "the state of a dict is ignored");
});

test("a tensor is read as a description, also as a parameter", () => {
  const tensor = `${REBUILD}(${STORAGE}K\x01K\x02K\x02\x86K\x02K\x01\x86\x89${ORDERED}tR`;
  for (const pickle of [`${tensor}.`, `ctorch._utils\n_rebuild_parameter\n(${tensor}\x88${ORDERED}tR.`]) {
    const value = read(pickle);
    assert.ok(value instanceof TorchTensor);
    assert.deepEqual([value.storageOffset, value.shape, value.strides], [1, [2, 2], [2, 1]]);
    assert.deepEqual([value.storage.key, value.storage.numel, value.storage.dtype], ["0", 6, "fp16"]);
  }
});

test("no name in a dict is special", () => {
  const value = read("}X\x09\0\0\0__proto__}X\x08\0\0\0pollutedK\x01ss.");
  assert.ok(value instanceof Map && value.has("__proto__"));
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
});

test("globals outside the allow-list are rejected with their name and offset", () => {
  refuses("cos\nsystem\n(X\x02\0\0\0lstR.", /os\.system \(at offset 0 /);
  refuses("(X\x02\0\0\0lsios\nsystem\n.", /os\.system \(at offset 8 /);
  refuses("X\x08\0\0\0builtinsX\x04\0\0\0eval\x93.", /builtins\.eval/);
  refuses("c__builtin__\n__proto__\n.", /__proto__/);
  refuses("ctorch._utils\n_rebuild_sparse_tensor\n.", /unsupported kind of tensor.*_rebuild_sparse_tensor/);
  refuses("cos\x1b[2J\nx\n.", /"os\\u001b\[2J\.x"/);
  refuses("(icollections\nOrderedDict\n.", /calling collections\.OrderedDict with the opcode INST is not allowed/);
});

test("only known callables are called, and only with valid arguments", () => {
  refuses("ctorch\nHalfStorage\n)R.", /calling torch\.HalfStorage is not allowed/);
  refuses("K\x01)R.", /calling a value that is not a function is not allowed/);
  refuses("ccollections\nOrderedDict\n]\x85R.", /OrderedDict with arguments/);
  refuses(`${REBUILD})R.`, /no storage/);
  refuses(`${REBUILD}(${STORAGE}K\x01X\x01\0\0\x002)\x89NtR.`, /not made of integers/);
  refuses(`${REBUILD}(${STORAGE}K\x01))\x89N}X\x03\0\0\0neg\x88stR.`, /metadata/);
  refuses("ctorch._utils\n_rebuild_parameter\n(N\x88NtR.", /no tensor/);
  refuses("]N\x85b.", /setting the state of an object other than a dict is not allowed/);
  refuses("K\x01Q.", /not one of a storage/);
  assert.throws(
    () => readPickle(Buffer.from("K\x01Q."), { where: "x", globals: new Map() }),
    /unexpected persistent id/,
  );
});

test("corrupt pickles are rejected with the offset", () => {
  refuses("", /ends too early \(at offset 0/);
  refuses("K\x01", /ends too early \(at offset 2/);
  refuses("X\xff\xff\xff\x7fab", /ends too early/);
  refuses("\x8d\xff\xff\xff\xff\xff\xff\xff\xffab", /ends too early/);
  refuses("\x8b\xff\xff\xff\x7f.", /integer of 2147483647 bytes/);
  refuses("\xc0.", /invalid pickle opcode 0xc0 \(at offset 0/);
  refuses("N\x81.", /unsupported pickle opcode NEWOBJ \(0x81\) \(at offset 1/);
  refuses(".", /stack underflow/);
  refuses("N(0.", /stack underflow/);
  refuses("t.", /stack underflow/);
  refuses("h\x05.", /no value 5/);
  refuses("Na.", /stack underflow/);
  refuses("NNa.", /not a list/);
  refuses("NNNs.", /not a dict/);
  refuses("}(Nu.", /has no value/);
  refuses("}]Ns.", /neither text nor a number/);
  refuses("Ix\n.", /is not an integer/);
  refuses(`I${"1".repeat(5000)}\n.`, /no end of line/);
  refuses("X\x01\0\0\0\xff.", /UTF-8/);
  refuses("\x80\x09.", /protocol 9/);
});

test("limits stop pickle bombs", () => {
  refuses("]".repeat(1_000_001), /values on the stack/);
  refuses("(".repeat(1_000_001), /marks/);
  refuses("N0".repeat(2_000_001), /pickle opcodes/);
  refuses(`N${"\x94".repeat(1_000_001)}`, /memoised values/);
});
