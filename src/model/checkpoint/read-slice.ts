/** Reads a region of a tensor from the shards that contain it. Does not know file formats. */
import type { Range } from "../../formats/tensor/range.js";
import type { TensorReader } from "../../formats/tensor/tensor-reader.js";
import type { ModelTensor, Piece } from "./model-tensor.js";

/** Reads rows x columns of a tensor as float32 into `out`, row after row. A tensor of one axis is one row. */
export function readSlice(
  reader: TensorReader,
  tensor: ModelTensor,
  rows: Range,
  columns: Range,
  out: Float32Array,
): void {
  const stride = columns.end - columns.start;
  for (const part of overlaps(tensor, rows, columns)) {
    const offset = part.row * stride + part.column;
    reader.readRegion(part.piece.entry, part.rows, part.columns, out, offset, stride);
  }
}

/** The part of a region that is in one piece, as consecutive rows of that piece. */
export interface Overlap {
  piece: Piece;
  /** Rows and columns of the piece. */
  rows: Range;
  columns: Range;
  /** Where the part begins, relative to the region. */
  row: number;
  column: number;
}

/** Where the rows and columns of a tensor are in its pieces. */
export function overlaps(tensor: ModelTensor, rows: Range, columns: Range): Overlap[] {
  const [height, width] = tensor.shape.length === 1 ? [1, tensor.shape[0]!] : (tensor.shape as [number, number]);
  if (!isWithin(rows, height) || !isWithin(columns, width)) {
    throw new RangeError(`region ${show(rows)} x ${show(columns)} is outside ${tensor.name} [${tensor.shape}]`);
  }
  if (tensor.axis === null) return [{ piece: tensor.pieces[0]!, rows, columns, row: 0, column: 0 }];
  const wanted = tensor.axis === 0 ? rows : columns;
  const found: Overlap[] = [];
  for (const piece of tensor.pieces) {
    const start = Math.max(wanted.start, piece.start);
    const end = Math.min(wanted.end, piece.end);
    if (start >= end) continue;
    const inPiece = { start: start - piece.start, end: end - piece.start };
    const skipped = start - wanted.start;
    found.push(
      tensor.axis === 0
        ? { piece, rows: inPiece, columns, row: skipped, column: 0 }
        : { piece, rows, columns: inPiece, row: 0, column: skipped },
    );
  }
  return found;
}

function isWithin({ start, end }: Range, size: number): boolean {
  return 0 <= start && start <= end && end <= size;
}

function show({ start, end }: Range): string {
  return `${start}..${end}`;
}
