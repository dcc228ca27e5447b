import assert from "node:assert/strict";
import { test } from "node:test";
import { convertToFloat32 } from "../../src/formats/tensor/to-float32.js";

const all = Uint16Array.from({ length: 65536 }, (_, index) => index);
const allBytes = new Uint8Array(all.buffer);

/** Converts by the definition of the format, without tricks. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

test("all 65,536 fp16 values become the right floats", () => {
  const out = new Float32Array(65536);
  convertToFloat32("fp16", allBytes, out, 0);
  for (let bits = 0; bits < 65536; bits++) {
    if (!Object.is(out[bits], half(bits))) assert.fail(`0x${bits.toString(16)}: ${out[bits]}, not ${half(bits)}`);
  }
});

test("the bits of every bf16 value are the upper half of its float's bits", () => {
  const out = new Float32Array(65536);
  convertToFloat32("bf16", allBytes, out, 0);
  const bits = new Uint32Array(out.buffer);
  assert.ok(bits.every((value, index) => value === index * 65536));
  assert.equal(out[0x3f80], 1);
});

test("fp32 is copied and fp64 rounded, at an offset and from unaligned bytes", () => {
  const values = [1.5, -0, Infinity, 1e-40, 0.1];
  for (const [dtype, data] of [
    ["fp32", new Float32Array(values)],
    ["fp64", new Float64Array(values)],
  ] as const) {
    const shifted = new Uint8Array(data.byteLength + 1);
    shifted.set(new Uint8Array(data.buffer), 1);
    const out = new Float32Array(values.length + 2);
    convertToFloat32(dtype, shifted.subarray(1), out, 1);
    assert.deepEqual(out, Float32Array.of(0, ...values, 0));
  }
});

test("bytes in shared memory and unaligned fp16 values are converted, too", () => {
  const shared = new Uint8Array(new SharedArrayBuffer(5));
  shared.set([0x00, 0x3c, 0x00, 0xc0], 1);
  const out = new Float32Array(2);
  convertToFloat32("fp16", shared.subarray(1), out, 0);
  assert.deepEqual(out, Float32Array.of(1, -2));
});

test("bytes that do not fit are a bug of the caller", () => {
  assert.throws(() => convertToFloat32("fp16", new Uint8Array(4), new Float32Array(2), 1), RangeError);
  assert.throws(() => convertToFloat32("fp32", new Uint8Array(3), new Float32Array(2), 0), RangeError);
});
