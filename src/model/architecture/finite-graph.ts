/** Builds a graph that finds the rows of a matrix with a NaN or an infinity, at the speed of memory. */
import { writeOnnx } from "../../formats/protobuf/onnx-writer.js";
import { OPSETS } from "./graph-builder.js";

/** zeros [1, columns], matrix [rows, columns] -> sums [1, rows]: 0 times a number that is not finite is NaN, and so is its sum. */
export function buildFiniteGraph(): Uint8Array {
  return writeOnnx({
    name: "finite",
    opsets: OPSETS,
    initializers: [],
    nodes: [{ op: "Gemm", inputs: ["zeros", "matrix"], outputs: ["sums"], attributes: { transB: 1 } }],
    inputs: [
      { name: "zeros", type: "float32", shape: [1, "columns"] },
      { name: "matrix", type: "float32", shape: ["rows", "columns"] },
    ],
    outputs: [{ name: "sums", type: "float32", shape: [1, "rows"] }],
  });
}
