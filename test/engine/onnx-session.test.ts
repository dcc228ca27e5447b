/** Passes typed arrays to the runtime and back, on this thread. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createSession, integers, type Session, tensor } from "../../src/engine/stages/onnx-session.js";
import { ONNX_TYPE, type OnnxType } from "../../src/formats/protobuf/onnx-graph.js";
import { writeOnnx } from "../../src/formats/protobuf/onnx-writer.js";

/** Creates a session that converts `x` to fp32. */
function converter(from: OnnxType): Session {
  const model = writeOnnx({
    name: "converter",
    opsets: { "": 24 },
    nodes: [{ op: "Cast", inputs: ["x"], outputs: ["y"], attributes: { to: ONNX_TYPE.float32 } }],
    inputs: [{ name: "x", type: from, shape: ["n"] }],
    outputs: [{ name: "y", type: "float32", shape: ["n"] }],
    initializers: [],
  });
  return createSession(model, { threads: 1 });
}

test("fp32 inputs are read where they are, when the session runs, and each output is a new array", () => {
  const session = converter("float32");
  // In the middle of a larger array.
  const numbers = Float32Array.of(9, 9, 9, -2, 0.5, 3, 9).subarray(3, 6);
  const x = tensor(numbers, [3]);
  const first = session.run({ x }).y!;
  numbers[0] = 4;
  assert.deepEqual(session.run({ x }).y, Float32Array.of(4, 0.5, 3));
  assert.deepEqual(first, Float32Array.of(-2, 0.5, 3));
  session.release();
});

test("int64 inputs are created from numbers", () => {
  const session = converter("int64");
  assert.deepEqual(session.run({ x: integers([-1, 2 ** 40], [2]) }).y, Float32Array.of(-1, 2 ** 40));
  session.release();
});

test("a missing input is an error that names it", () => {
  const session = converter("int64");
  assert.throws(() => session.run({}), /input x is missing/);
  session.release();
});
