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
    reader.readRegion(part.piece.entry, part.rows, part.columns, out, offset, stride * part.rowStep);
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
  /** Distance in the region between two consecutive rows of the piece. */
  rowStep: 1 | 2;
}

/** Where the rows and columns of a tensor are in its pieces. */
export function overlaps(tensor: ModelTensor, rows: Range, columns: Range): Overlap[] {
  const [height, width] = tensor.shape.length === 1 ? [1, tensor.shape[0]!] : (tensor.shape as [number, number]);
  if (!isWithin(rows, height) || !isWithin(columns, width)) {
    throw new RangeError(`region ${show(rows)} x ${show(columns)} is outside ${tensor.name} [${tensor.shape}]`);
  }
  if (tensor.halvedHead !== undefined) return [...halves(tensor.pieces[0]!, tensor.halvedHead, rows, columns)];
  if (tensor.axis === null) return [{ piece: tensor.pieces[0]!, rows, columns, row: 0, column: 0, rowStep: 1 }];
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
        ? { piece, rows: inPiece, columns, row: skipped, column: 0, rowStep: 1 }
        : { piece, rows, columns: inPiece, row: 0, column: skipped, rowStep: 1 },
    );
  }
  return found;
}

/** Row 2j + p of a head in Meta's order is row p * head / 2 + j of the head in the file. */
function* halves(piece: Piece, head: number, rows: Range, columns: Range): Generator<Overlap> {
  for (let first = rows.start - (rows.start % head); first < rows.end; first += head) {
    const [from, to] = [Math.max(first, rows.start), Math.min(first + head, rows.end)];
    for (const parity of [0, 1]) {
      const start = Math.ceil((from - first - parity) / 2);
      const end = Math.ceil((to - first - parity) / 2);
      if (start >= end) continue;
      const half = first + (parity * head) / 2;
      const row = first + 2 * start + parity - rows.start;
      yield { piece, rows: { start: half + start, end: half + end }, columns, row, column: 0, rowStep: 2 };
    }
  }
}

function isWithin({ start, end }: Range, size: number): boolean {
  return 0 <= start && start <= end && end <= size;
}

function show({ start, end }: Range): string {
  return `${start}..${end}`;
}
