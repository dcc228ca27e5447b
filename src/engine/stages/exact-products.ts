/** Finds out whether this processor's kernels for products of int8 rows are exact, by one product. Does not know weights. */
import { writeOnnx } from "../../formats/protobuf/onnx-writer.js";
import { OPSETS } from "../../model/architecture/graph-builder.js";
import { createSession, tensor } from "./onnx-session.js";

/** Two rows and columns of the largest numbers, so that a sum of two products does not fit 16 bits. */
const [ROWS, LENGTH] = [2, 64];

let isExact: boolean | undefined;

/**
 * Without VNNI (and the like) the fastest kernels add pairs of products in 16 bits, which overflow. Sessions then need
 * `precise`, whose kernels are exact and slower; with VNNI that setting would only slow them down.
 */
export function needsPrecision(): boolean {
  isExact ??= measure();
  return !isExact;
}

function measure(): boolean {
  const scalar = (name: string, type: "float32" | "uint8", data: Uint8Array) => ({ name, type, shape: [], data });
  const one = new Uint8Array(Float32Array.of(1).buffer);
  const model = writeOnnx({
    ...{ name: "exact", opsets: OPSETS },
    nodes: [
      { op: "QuantizeLinear", inputs: ["x", "one", "zero"], outputs: ["integers"] },
      {
        ...{ op: "QGemm", domain: "com.microsoft", outputs: ["y"], attributes: { transB: 1 } },
        inputs: ["integers", "one", "zero", "weights", "one", "middle"],
      },
    ],
    inputs: [{ name: "x", type: "float32", shape: [ROWS, LENGTH] }],
    outputs: [{ name: "y", type: "float32", shape: [ROWS, ROWS] }],
    initializers: [
      scalar("one", "float32", one),
      scalar("zero", "uint8", Uint8Array.of(0)),
      { name: "middle", type: "int8", shape: [], data: Uint8Array.of(0) },
      { name: "weights", type: "int8", shape: [ROWS, LENGTH], data: new Uint8Array(ROWS * LENGTH).fill(127) },
    ],
  });
  const session = createSession(model, { threads: 1 });
  try {
    const { y } = session.run({ x: tensor(new Float32Array(ROWS * LENGTH).fill(255), [ROWS, LENGTH]) });
    return y!.every((value) => value === 255 * 127 * LENGTH);
  } finally {
    session.release();
  }
}
