/** Gathers a region of a global tensor from the pieces it lies in. Knows pieces and spans, not file formats. */
import { ELEMENT_BYTES } from "../formats/tensor-entry.js";
import type { TensorReader } from "../formats/tensor-reader.js";
import type { GlobalTensor, Piece } from "./global-tensor.js";
import type { Span } from "./partition.js";

/**
 * Reads rows x columns of a tensor as float32 into `out`, row after row from `outOffset`;
 * `outRowStride` floats lie between the starts of two rows (default: the rows are packed). A 1-D tensor is one row.
 */
export function readSlice(
  reader: TensorReader,
  tensor: GlobalTensor,
  rows: Span,
  columns: Span,
  out: Float32Array,
  outOffset = 0,
  outRowStride: number = columns.end - columns.start,
): void {
  for (const part of overlaps(tensor, rows, columns)) {
    const offset = outOffset + part.row * outRowStride + part.column;
    reader.readRegion(part.piece.entry, part.rows, part.columns, out, offset, outRowStride);
  }
}

/** The same with the elements as stored, all offsets in bytes; `out` may be a view of shared memory. */
export function readSliceRaw(
  reader: TensorReader,
  tensor: GlobalTensor,
  rows: Span,
  columns: Span,
  out: Uint8Array,
  outByteOffset = 0,
  outRowStrideBytes?: number,
): void {
  // mergeShards has made sure that all pieces have one type.
  const elementBytes = ELEMENT_BYTES[tensor.pieces[0]!.entry.dtype];
  const stride = outRowStrideBytes ?? (columns.end - columns.start) * elementBytes;
  for (const part of overlaps(tensor, rows, columns)) {
    const offset = outByteOffset + part.row * stride + part.column * elementBytes;
    reader.readRegionRaw(part.piece.entry, part.rows, part.columns, out, offset, stride);
  }
}

/** The part of a region that lies in one piece. */
interface Overlap {
  piece: Piece;
  /** In the piece. */
  rows: Span;
  columns: Span;
  /** Where the part begins, relative to the region. */
  row: number;
  column: number;
}

function overlaps(tensor: GlobalTensor, rows: Span, columns: Span): Overlap[] {
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

function isWithin({ start, end }: Span, size: number): boolean {
  return 0 <= start && start <= end && end <= size;
}

function show({ start, end }: Span): string {
  return `${start}..${end}`;
}
