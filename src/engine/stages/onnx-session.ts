/** The only access to onnxruntime-node: sessions and tensors. Does not know what a graph means. */
import { dirname } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";

export type { Tensor } from "onnxruntime-node";

/** Numbers of a tensor; fp16 as bits. */
export type Numbers = Float32Array | Uint16Array;

export interface Session {
  /** Runs the graph; each output is a new array that the caller owns. */
  run(feeds: Record<string, Tensor>): Promise<Record<string, Numbers>>;
  release(): Promise<void>;
}

export interface SessionOptions {
  /** Threads inside one operator; above 1 every session has its own pool. */
  threads: number;
  /** The model's external file of constants; the runtime reads it only while it creates the session. */
  constants?: { file: string; bytes: Buffer };
  /** Also saves the session as two files, `path` and `path`.bin, with the constants in the layout of its kernels. */
  saveTo?: string;
}

/** Node 24 and later has `Float16Array`, and a `Tensor` then wraps fp16 bits in one. */
const wrapsHalf = "Float16Array" in globalThis;

/** Creates a tensor over the given memory, float32 or fp16 bits, without a copy. */
export function tensor(data: Numbers, shape: readonly number[]): Tensor {
  if (data instanceof Float32Array) return new Tensor("float32", data, shape);
  const half = new Tensor("float16", data, shape);
  // The binding reads `data` and treats a Float16Array as 0 bytes, so give it the bits.
  return wrapsHalf ? Object.defineProperty(half, "data", { value: data }) : half;
}

/** Creates an int64 tensor. */
export function integers(values: readonly number[], shape: readonly number[]): Tensor {
  return new Tensor("int64", BigInt64Array.from(values, BigInt), shape);
}

/** Creates a session from ONNX bytes, or from a file written by `saveTo`, whose constants are mapped instead of read. */
export async function createSession(model: Uint8Array | string, options: SessionOptions): Promise<Session> {
  const { threads, constants, saveTo } = options;
  const settings: InferenceSession.SessionOptions = {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    // Shapes change with every batch, so a planned memory pattern does not help. Each session's arena would never return
    // the memory that the longest prompt needed.
    enableMemPattern: false,
    enableCpuMemArena: false,
    logSeverityLevel: 3,
    ...(constants && { externalData: [{ path: constants.file, data: constants.bytes }] }),
    ...(saveTo !== undefined && { optimizedModelFilePath: saveTo }),
    extra: {
      session: {
        // Thread pools that keep spinning after a run would starve the other sessions and ranks. Inside a run, while other
        // programs run, a long spin takes the core from the thread being waited for (`node bench/busy.js`).
        force_spinning_stop: "1",
        intra_op: { spin_duration_us: "50" },
        ...(saveTo !== undefined && {
          save_external_prepacked_constant_initializers: "1",
          optimized_model_external_initializers_file_name: `${saveTo.slice(dirname(saveTo).length + 1)}.bin`,
          optimized_model_external_initializers_min_size_in_bytes: "1024",
        }),
      },
    },
  };
  // A saved model is already optimised.
  const session = await (typeof model === "string"
    ? InferenceSession.create(model, { ...settings, graphOptimizationLevel: "disabled" })
    : InferenceSession.create(model, settings));
  const { outputNames } = session;
  return {
    async run(feeds) {
      const results = await session.run(feeds);
      const outputs: Record<string, Numbers> = {};
      for (const name of outputNames) outputs[name] = numbers(results[name]!.data as Numbers);
      return outputs;
    },
    release: () => session.release(),
  };
}

/** Returns fp16 as bits, also if the runtime returned a Float16Array. */
function numbers(data: Numbers): Numbers {
  if (data instanceof Float32Array || data instanceof Uint16Array) return data;
  const { buffer, byteOffset, length } = data as Uint16Array;
  return new Uint16Array(buffer, byteOffset, length);
}
