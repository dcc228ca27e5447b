/** Reads a rank's share of the weights into arrays, in fp32 or quantised. Does not know what is computed with them. */

import { lengthOf } from "../../formats/tensor/range.js";
import { type StageGraph, type StageWeight, weightPart } from "../../model/architecture/graph-builder.js";
import { NotFiniteError } from "../../model/architecture/quantize.js";
import { layerOf, type Stage } from "../../model/architecture/step-plan.js";
import { tensorName } from "../../model/architecture/tensor-table.js";
import { normOf, StreamTurn, turnWidth } from "../../model/architecture/turned-stream.js";
import type { WeightSource } from "../../model/checkpoint/weight-source.js";
import { type Region, tensorRegion } from "../../model/split/rank-region.js";
import type { RankSetup } from "../shared/messages.js";
import { checkRow, type FiniteCheck, notFinite } from "./finite-check.js";
import type { ChunkMaths } from "./weight-kernel.js";

/** How many numbers of a matrix are held in fp32 and quantised at once. */
const CHUNK = 1 << 21;

type LinearWeight = StageWeight & { kind: "linear" };

/** The part of a stacked matrix that comes from one tensor; `at` is its first row in the matrix. */
interface StackedTensor extends Region {
  name: string;
  at: number;
}

/** Reads the rank's share of a matrix in fp32, [rows, columns]. Throws LlamaError (model) for a number that is not finite. */
export function readMatrix(
  source: WeightSource,
  setup: RankSetup,
  weight: LinearWeight,
  layer: number,
  check: FiniteCheck,
): Float32Array {
  const data = new Float32Array(weight.rows * weight.columns);
  for (const { name, rows, columns, at } of stackedTensors(setup, weight, layer)) {
    const height = lengthOf(rows);
    const part = data.subarray(at * weight.columns, (at + height) * weight.columns);
    source.read(name, rows, columns, part);
    const found = check.find(part, height, weight.columns);
    if (found === null) continue;
    const [row, column] = found;
    const value = part[row * weight.columns + column]!;
    throw notFinite(setup.checkpoint, name, rows.start + row, columns.start + column, value);
  }
  return data;
}

/** Reads the rank's share of norms or biases that are one vector. Throws LlamaError (model) for a number that is not finite. */
export function readVector(
  source: WeightSource,
  { checkpoint, share }: RankSetup,
  { vector, length }: StageWeight & { kind: "vector" },
  layer: number,
): Float32Array {
  const data = new Float32Array(length);
  let at = 0;
  for (const tensor of vector.tensors) {
    const name = tensorName(tensor, layer);
    const { rows, columns } = tensorRegion(tensor.axes, checkpoint.config, share);
    const part = data.subarray(at, at + lengthOf(columns));
    source.read(name, rows, columns, part);
    checkRow(checkpoint, name, 0, part);
    at += part.length;
  }
  return data;
}

/** Reads and quantises all weights of a stage; returns the bytes of its graph's external file. Throws LlamaError (model). */
export function quantizeStage(
  source: WeightSource,
  setup: RankSetup,
  stage: Stage,
  graph: StageGraph,
  maths: ChunkMaths,
): Buffer {
  const { config } = setup.checkpoint;
  const turned = turnWidth(config, setup.dtype);
  const turn = turned > 0 ? new StreamTurn(config.dim, turned) : null;
  // Not from Node's pool, because the arrays over it must be aligned.
  const bytes = Buffer.from(new ArrayBuffer(graph.constantBytes));
  const floats = ({ offset, length }: { offset: number; length: number }) =>
    new Float32Array(bytes.buffer, offset, length / 4);
  for (const weight of graph.weights) {
    const layer = layerOf(stage, weightPart(weight));
    if (weight.kind === "vector") {
      const vector = readVector(source, setup, weight, layer);
      if (turn && weight.vector.tensors[0].axes[0] === "dim") {
        // The weights of norms are in the matrices, and a bias of the stream is a row of it.
        if (weight.vector.tensors[0].ending === "bias") turn.turnRows(vector);
        else vector.fill(1);
      }
      floats(graph.vectors.get(weight.vector.name)!).set(vector);
      continue;
    }
    const { format, packed, scales, zeros, offsets } = weight.quantized!;
    const target = {
      packed: new Uint8Array(bytes.buffer, packed.offset, packed.length),
      scales: floats(scales),
      zeros: zeros && new Uint8Array(bytes.buffer, zeros.offset, zeros.length),
      offsets: offsets && floats(offsets),
    };
    const [packedRow, scaleRow] = [packed.length / weight.rows, target.scales.length / weight.rows];
    const zeroRow = (zeros?.length ?? 0) / weight.rows;
    const [rowAxis, columnAxis] = weight.matrix.tensors[0].axes;
    const norm = turn && columnAxis === "dim" ? readNorm(source, setup, weight, layer) : undefined;
    // Rows of the stream are turned in blocks.
    const unit = turn && rowAxis === "dim" ? turned : 1;
    const inputTurn = format.inputTurn ? new StreamTurn(weight.columns, format.inputTurn, false) : null;
    const height = Math.max(1, Math.floor(CHUNK / weight.columns / unit)) * unit;
    const chunk = maths.chunk(format.isStored ? 0 : Math.min(height, weight.rows), weight.columns, format);
    for (const { name, rows, columns, at } of stackedTensors(setup, weight, layer)) {
      for (let start = rows.start; start < rows.end; start += height) {
        const end = Math.min(start + height, rows.end);
        const [first, last] = [at + start - rows.start, at + end - rows.start];
        const packedRows = target.packed.subarray(first * packedRow, last * packedRow);
        const scaleRows = target.scales.subarray(first * scaleRow, last * scaleRow);
        try {
          if (format.isStored) {
            const offsetRows = target.offsets?.subarray(first * scaleRow, last * scaleRow) ?? null;
            const rowsOfChunk = { packed: packedRows, scales: scaleRows, offsets: offsetRows };
            source.readStored(name, { start, end }, columns, format.bits, rowsOfChunk);
            continue;
          }
          const values = chunk.subarray(0, (end - start) * weight.columns);
          source.read(name, { start, end }, columns, values);
          if (turn && norm) maths.turnRows(values, turn, norm);
          if (turn && rowAxis === "dim") maths.turnColumns(values, turn, weight.columns, start);
          if (inputTurn) maths.turnRows(values, inputTurn, null);
          const zeroRows = target.zeros?.subarray(first * zeroRow, last * zeroRow);
          maths.quantize(values, end - start, weight.columns, format, packedRows, scaleRows, zeroRows);
        } catch (error) {
          if (!(error instanceof NotFiniteError)) throw error;
          throw notFinite(setup.checkpoint, name, start + error.row, columns.start + error.column, error.value);
        }
      }
    }
  }
  return bytes;
}

/** The weights of the norm before a matrix that reads the residual stream. */
function readNorm(source: WeightSource, setup: RankSetup, weight: LinearWeight, layer: number): Float32Array {
  const norm = normOf(weightPart(weight));
  const vector = { name: norm.meta, tensors: [norm] } as const;
  return readVector(source, setup, { kind: "vector", vector, length: setup.checkpoint.config.dim }, layer);
}

function* stackedTensors(
  { checkpoint, share }: RankSetup,
  weight: LinearWeight,
  layer: number,
): Generator<StackedTensor> {
  let at = 0;
  for (const tensor of weight.matrix.tensors) {
    const region = tensorRegion(tensor.axes, checkpoint.config, share);
    yield { ...region, name: tensorName(tensor, layer), at };
    at += lengthOf(region.rows);
  }
}
