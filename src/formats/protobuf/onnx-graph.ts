/** An ONNX model as plain data: nodes, values, constants (onnx.proto). Does not know what they compute or how they are written. */

/** onnx.proto, TensorProto.DataType */
export const ONNX_TYPE = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, float16: 10 } as const;
export type OnnxType = keyof typeof ONNX_TYPE;

/** A float attribute must be given as `{ float }`, since 1 and 1.0 are the same value in JavaScript. */
export type OnnxAttribute = number | string | readonly number[] | { float: number };

export interface OnnxNode {
  op: string;
  /** Empty for ONNX's own operators. */
  domain?: string;
  /** "" marks an optional input that is left out. */
  inputs: readonly string[];
  outputs: readonly string[];
  attributes?: Readonly<Record<string, OnnxAttribute>>;
}

/** A graph input or output; a string dimension is a name for a size known at run time. */
export interface OnnxValue {
  name: string;
  type: OnnxType;
  shape: readonly (number | string)[];
}

/** A constant: its bytes are in the model, or in an external file of the given name. */
export interface OnnxInitializer {
  name: string;
  type: OnnxType;
  shape: readonly number[];
  data: Uint8Array | { file: string; offset: number; length: number };
}

export interface OnnxGraph {
  name: string;
  nodes: readonly OnnxNode[];
  inputs: readonly OnnxValue[];
  outputs: readonly OnnxValue[];
  initializers: readonly OnnxInitializer[];
  /** Operator set version by domain ("" is ONNX's own). */
  opsets: Readonly<Record<string, number>>;
}
