/** Passes typed arrays to the runtime and back, on every Node version, with and without `Float16Array`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createSession, integers, type Numbers, type Session, tensor } from "../../src/engine/stages/onnx-session.js";
import { ONNX_TYPE, type OnnxType } from "../../src/formats/protobuf/onnx-graph.js";
import { writeOnnx } from "../../src/formats/protobuf/onnx-writer.js";

/** Creates a session that converts `x` to another type. */
function converter(from: OnnxType, to: OnnxType): Promise<Session> {
  const model = writeOnnx({
    name: "converter",
    opsets: { "": 24 },
    nodes: [{ op: "Cast", inputs: ["x"], outputs: ["y"], attributes: { to: ONNX_TYPE[to] } }],
    inputs: [{ name: "x", type: from, shape: ["n"] }],
    outputs: [{ name: "y", type: to, shape: ["n"] }],
    initializers: [],
  });
  return createSession(model, { threads: 1 });
}

/** -2, 0.5, the largest and the smallest positive number of fp16, with their bits. */
const NUMBERS = Float32Array.of(-2, 0.5, 65504, 2 ** -24);
const BITS = Uint16Array.of(0xc000, 0x3800, 0x7bff, 0x0001);

/** The same numbers in the middle of a larger array, like keys and values in the KV cache. */
function within<T extends Numbers>(numbers: T): T {
  const larger = new (numbers.constructor as new (length: number) => T)(numbers.length + 5);
  larger.set(numbers, 3);
  return larger.subarray(3, 3 + numbers.length) as T;
}

test("fp16 inputs are bits, and their memory is read when the session runs", async () => {
  const session = await converter("float16", "float32");
  const bits = within(BITS);
  const x = tensor(bits, [4]);
  assert.deepEqual((await session.run({ x })).y, NUMBERS);
  bits[0] = 0x4000;
  assert.equal((await session.run({ x })).y![0], 2);
  await session.release();
});

test("fp16 outputs are bits", async () => {
  const session = await converter("float32", "float16");
  const { y } = await session.run({ x: tensor(within(NUMBERS), [4]) });
  assert.ok(y instanceof Uint16Array);
  assert.deepEqual(y, BITS);
  await session.release();
});

test("int64 inputs are created from numbers", async () => {
  const session = await converter("int64", "float32");
  assert.deepEqual((await session.run({ x: integers([-1, 2 ** 40], [2]) })).y, Float32Array.of(-1, 2 ** 40));
  await session.release();
});
