/** The part of WebAssembly that the kernels need, with its types, which Node's do not have, and their modules. Does not know what a module computes. */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { addressLimit } from "./address-space.js";

/** Node reserves 10 GB of addresses for a memory. A process that may not reserve this much gets none: ranks and a tokenizer share it. */
const ADDRESSES = 64e9;

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

const modules = new Map<string, WasmModule | null>();

/**
 * The module in a file, or null if this process cannot run it: no WebAssembly, a processor without its SIMD, or a limit of the
 * address space (`ulimit -v`).
 */
export function moduleOf(file: URL): WasmModule | null {
  const known = modules.get(file.href);
  if (known !== undefined) return known;
  const bytes = readModule(file);
  const made = wasm?.validate(bytes) && addressLimit() > ADDRESSES ? new wasm.Module(bytes) : null;
  modules.set(file.href, made);
  return made;
}

function readModule(file: URL): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new Error(`${basename(file.pathname)} is missing: \`npm run build\` makes it, tsc alone does not`, { cause });
  }
}
