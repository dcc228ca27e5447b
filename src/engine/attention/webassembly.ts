/** The part of WebAssembly that the kernel needs, with its types, which Node's do not have. Does not know what a module computes. */

export interface WasmMemory {
  /** Another one after grow(). */
  readonly buffer: ArrayBuffer;
  /** By units of 64 kB. Throws RangeError if the system has no more. */
  grow(units: number): number;
}

export interface WasmModule {
  readonly brand?: "module";
}

interface WasmNamespace {
  validate(bytes: Uint8Array): boolean;
  Module: new (bytes: Uint8Array) => WasmModule;
  Memory: new (limits: { initial: number; maximum: number }) => WasmMemory;
  Instance: new (module: WasmModule, imports: { env: { memory: WasmMemory } }) => { exports: unknown };
}

/** Undefined where Node runs without a compiler (--jitless). */
export const wasm = (globalThis as { WebAssembly?: WasmNamespace }).WebAssembly;
