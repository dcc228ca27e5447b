/**
 * Hands on blocks of weights as a GGUF file stores them: the same integers and scales, in the layout of onnxruntime's
 * MatMulNBits. Does not know files.
 */
import { BLOCK_SIZES, type BlockType, type DType } from "../../formats/tensor/stored-tensor.js";
import { halves } from "../../formats/tensor/to-float32.js";
import { NotFiniteError } from "./quantize.js";

/** The types whose weights are an integer times a scale for 32 numbers, and the bits of that integer. */
const STORABLE: ReadonlyMap<DType, 4 | 8> = new Map<DType, 4 | 8>([
  ["Q4_0", 4],
  ["Q8_0", 8],
]);
/** Numbers of a block that is handed on. */
export const STORED_BLOCK = 32;

/** The bits in which tensors of these types can all be handed on; null if one of them cannot. */
export function storedBits(types: Iterable<DType>): 4 | 8 | null {
  let most: 4 | 8 = 4;
  for (const type of types) {
    const bits = STORABLE.get(type);
    if (bits === undefined) return null;
    if (bits > most) most = bits;
  }
  return most;
}

/**
 * Packs whole blocks of one row into `packed` [blocks, 4 * bits] and `scales` [blocks], as `quantizeRows` does. Throws a
 * NotFiniteError, which names row 0 and the column in these blocks, for a scale that is NaN or infinite.
 */
export function packStored(
  type: DType,
  bytes: Uint8Array,
  bits: 4 | 8,
  packed: Uint8Array,
  scales: Float32Array,
): void {
  const { bytes: size } = BLOCK_SIZES[type as BlockType];
  const half = halves();
  for (let block = 0, from = 0; from < bytes.length; block++, from += size) {
    const scale = half[bytes[from]! | (bytes[from + 1]! << 8)]!;
    if (!Number.isFinite(scale)) throw new NotFiniteError(0, block * STORED_BLOCK, scale);
    scales[block] = scale;
    const to = block * 4 * bits;
    if (type === "Q8_0") {
      // signed to unsigned, with a zero of 128
      for (let i = 0; i < 32; i++) packed[to + i] = bytes[from + 2 + i]! ^ 0x80;
    } else if (bits === 8) {
      // 4 bits with a zero of 8
      for (let i = 0; i < 16; i++) {
        const q = bytes[from + 2 + i]!;
        packed[to + i] = (q & 15) + 120;
        packed[to + 16 + i] = (q >> 4) + 120;
      }
    } else {
      // The file pairs number i with number i + 16, the runtime neighbours.
      for (let i = 0; i < 8; i++) {
        const [a, b] = [bytes[from + 2 + 2 * i]!, bytes[from + 3 + 2 * i]!];
        packed[to + i] = (a & 15) | ((b & 15) << 4);
        packed[to + 8 + i] = (a >> 4) | (b & 0xf0);
      }
    }
  }
}
