/** The only access to onnxruntime-node: sessions and tensors. Does not know what a graph means. */
import { createRequire } from "node:module";
import { basename } from "node:path";
import { type InferenceSession, Tensor } from "onnxruntime-node";

export type { Tensor } from "onnxruntime-node";

/** The runtime's native session. Its JavaScript around it waits for the event loop before every run, as long as a small run takes. */
interface NativeSession {
  loadModel(path: string, options: InferenceSession.SessionOptions): void;
  loadModel(model: ArrayBufferLike, offset: number, length: number, options: InferenceSession.SessionOptions): void;
  readonly inputMetadata: readonly { name: string }[];
  readonly outputMetadata: readonly { name: string }[];
  run(feeds: Record<string, Tensor>, outputs: Record<string, null>, options: object): Record<string, Tensor>;
  dispose(): void;
}

const { binding, initOrt } = createRequire(import.meta.url)("onnxruntime-node/dist/binding.js") as {
  binding: { InferenceSession: new () => NativeSession };
  initOrt(): void;
};

export interface Session {
  /** Runs the graph on this thread; each output is a new array that the caller owns. */
  run(feeds: Record<string, Tensor>): Record<string, Float32Array>;
  release(): void;
}

export interface SessionOptions {
  /** Threads inside one operator; above 1 every session has its own pool. */
  threads: number;
  /** Takes kernels for products of int8 that are exact on any processor (exact-products.ts). */
  precise?: boolean;
  /** The model's external file of constants; the runtime reads it only while it creates the session. */
  constants?: { file: string; bytes: Buffer };
  /** Also saves the session as two files, `path` and `path`.bin, with the constants of at least `leastBytes` in the second, in the layout of its kernels. */
  saveTo?: { path: string; leastBytes: number };
}

/** Creates a tensor over the given memory, without a copy. */
export function tensor(data: Float32Array, shape: readonly number[]): Tensor {
  return new Tensor("float32", data, shape);
}

/** Creates an int64 tensor. */
export function integers(values: readonly number[], shape: readonly number[]): Tensor {
  return new Tensor("int64", BigInt64Array.from(values, BigInt), shape);
}

/** Creates a session from ONNX bytes, or from a file written by `saveTo`, whose constants are mapped instead of read. */
export function createSession(model: Uint8Array | string, options: SessionOptions): Session {
  const { threads, constants, saveTo, precise } = options;
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
    ...(saveTo !== undefined && { optimizedModelFilePath: saveTo.path }),
    extra: {
      session: {
        // Thread pools that keep spinning after a run would starve the other sessions and ranks. Inside a run, while other
        // programs run, a long spin takes the core from the thread being waited for (`node bench/busy.js`).
        force_spinning_stop: "1",
        ...(precise && { x64quantprecision: "1" }),
        intra_op: { spin_duration_us: "50" },
        ...(saveTo !== undefined && {
          save_external_prepacked_constant_initializers: "1",
          optimized_model_external_initializers_file_name: `${basename(saveTo.path)}.bin`,
          optimized_model_external_initializers_min_size_in_bytes: String(saveTo.leastBytes),
        }),
      },
    },
  };
  initOrt();
  const session = new binding.InferenceSession();
  // A saved model is already optimised.
  if (typeof model === "string") session.loadModel(model, { ...settings, graphOptimizationLevel: "disabled" });
  else session.loadModel(model.buffer, model.byteOffset, model.byteLength, settings);
  const names = session.outputMetadata.map(({ name }) => name);
  const outputs = Object.fromEntries(names.map((name) => [name, null]));
  const inputs = session.inputMetadata.map(({ name }) => name);
  return {
    run(feeds) {
      for (const name of inputs) if (!feeds[name]) throw new Error(`the graph's input ${name} is missing`);
      const results = session.run(feeds, outputs, {});
      return Object.fromEntries(names.map((name) => [name, results[name]!.data as Float32Array]));
    },
    release: () => session.dispose(),
  };
}
