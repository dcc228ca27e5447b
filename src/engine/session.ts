/** The one door to onnxruntime-node: sessions and tensors. Knows nothing of what a graph means. */
import { InferenceSession, Tensor } from "onnxruntime-node";

export type { Tensor } from "onnxruntime-node";

export interface Session {
  /** Runs the graph; an output is a fresh array that the caller owns. */
  run(feeds: Record<string, Tensor>): Promise<Record<string, Float32Array>>;
  release(): Promise<void>;
}

/** A float32 tensor over the given memory; nothing is copied. */
export function floats(data: Float32Array, shape: readonly number[]): Tensor {
  return new Tensor("float32", data, shape);
}

/** An int64 tensor. */
export function integers(values: readonly number[], shape: readonly number[]): Tensor {
  return new Tensor("int64", BigInt64Array.from(values, BigInt), shape);
}

/** Makes a session from ONNX bytes; `threads` compute inside one operator. */
export async function createSession(model: Uint8Array, threads: number): Promise<Session> {
  const session = await InferenceSession.create(model, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    // shapes change with every batch, so a planned memory pattern is of no use
    enableMemPattern: false,
    logSeverityLevel: 3,
    // thread pools that go on spinning after a run would starve the other sessions and ranks
    extra: { session: { force_spinning_stop: "1" } },
  });
  return {
    async run(feeds) {
      const missing = session.inputNames.filter((name) => feeds[name] === undefined);
      if (missing.length > 0) throw new Error(`graph input without a value: ${missing.join(", ")}`);
      const results = await session.run(feeds);
      const outputs: Record<string, Float32Array> = {};
      for (const name of session.outputNames) outputs[name] = results[name]!.data as Float32Array;
      return outputs;
    },
    release: () => session.release(),
  };
}
