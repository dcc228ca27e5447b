/** Memory for the pages of all KV caches of a rank: WebAssembly memories of at most 4 GB that the kernel reads, or plain ones. */
import { LlamaError } from "../../error.js";
import { showBytes } from "../../formats/files/amounts.js";
import { type WasmMemory, wasm } from "../machine/webassembly.js";
import { hasKernel, Kernel } from "./kernel.js";
import type { PageLayout } from "./page-layout.js";

const UNIT = 65_536;
/** A memory grows by at least this; the system adds pages only when they are written. */
const GROWTH = 16 << 20;

/** The most that 32-bit addresses reach, less a unit, so that no end wraps around. */
const MAX_BYTES = 2 ** 32 - UNIT;

/** A page in a memory; `address` is a multiple of 64. */
export interface Page {
  memory: PageMemory;
  address: number;
}

/** One memory and its pages. Without a kernel it holds a single page. */
export class PageMemory {
  /** null where this process cannot run the kernel. */
  readonly kernel: Kernel | null;
  readonly #memory: WasmMemory | { buffer: ArrayBuffer };
  readonly #pageBytes: number;
  readonly #maxBytes: number;
  /** Addresses of pages that were given back. */
  readonly #free: number[] = [];
  #end: number;
  #used = 0;

  /** `isPlain`: without the kernel. */
  constructor(layout: PageLayout, maxBytes: number, isPlain: boolean) {
    this.#pageBytes = Math.ceil(layout.pageBytes / 64) * 64;
    if (isPlain || !wasm) {
      this.#memory = { buffer: new ArrayBuffer(this.#pageBytes) };
      this.#maxBytes = this.#pageBytes;
      this.kernel = null;
      this.#end = 0;
    } else {
      const memory = new wasm.Memory({ initial: 1, maximum: Math.floor(maxBytes / UNIT) });
      this.#memory = memory;
      this.#maxBytes = maxBytes;
      this.kernel = new Kernel(memory, layout);
      this.#end = this.kernel.spaceEnd;
      this.#grow(this.#end);
    }
  }

  /** The bytes of the memory; another buffer after the next page is taken. */
  get buffer(): ArrayBuffer {
    return this.#memory.buffer;
  }

  get isEmpty(): boolean {
    return this.#used === 0;
  }

  /** The address of a page that is not in use, or null if the memory is full. */
  take(): number | null {
    let address = this.#free.pop();
    if (address === undefined) {
      const end = this.#end + this.#pageBytes;
      if (end > this.#maxBytes || !this.#grow(end)) return null;
      address = this.#end;
      this.#end = end;
    }
    this.#used++;
    return address;
  }

  give(address: number): void {
    this.#free.push(address);
    this.#used--;
  }

  /** Makes the memory at least `bytes` long; returns false if that is not possible. */
  #grow(bytes: number): boolean {
    const missing = bytes - this.buffer.byteLength;
    if (missing <= 0) return true;
    if (!("grow" in this.#memory)) return false;
    const most = Math.floor(this.#maxBytes / UNIT) - this.buffer.byteLength / UNIT;
    for (const wanted of [Math.max(missing, GROWTH), missing]) {
      try {
        this.#memory.grow(Math.min(most, Math.ceil(wanted / UNIT)));
        return true;
      } catch {
        // The system refused it; less may be possible.
      }
    }
    return false;
  }
}

export class PageStore {
  readonly layout: PageLayout;
  readonly #maxBytes: number;
  readonly #isPlain: boolean;
  readonly #memories: PageMemory[] = [];

  /**
   * `maxBytes`: of one memory. `isPlain`: without the kernel, which is also so where this process cannot run it. Throws LlamaError
   * (memory) for int8 without the kernel.
   */
  constructor(layout: PageLayout, maxBytes: number = MAX_BYTES, isPlain = !hasKernel()) {
    if (layout.type === "int8" && isPlain) {
      throw new LlamaError("memory", "keys and values in int8 need the kernel", {
        expected: "WebAssembly with SIMD, and no limit of addresses (ulimit -v)",
        fix: "Raise the limit, or use --kv_dtype fp32",
      });
    }
    this.layout = layout;
    this.#maxBytes = maxBytes;
    this.#isPlain = isPlain;
  }

  /** Whether its pages can be read by the kernel. */
  get hasKernel(): boolean {
    return !this.#isPlain;
  }

  /** A page, with the numbers of its last user. Throws LlamaError (memory) if the system has no memory left. */
  take(): Page {
    for (const memory of this.#memories.toReversed()) {
      const address = memory.take();
      if (address !== null) return { memory, address };
    }
    try {
      const memory = new PageMemory(this.layout, this.#maxBytes, this.#isPlain);
      const address = memory.take();
      if (address === null) throw new RangeError("no room for a page");
      this.#memories.push(memory);
      return { memory, address };
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw new LlamaError("memory", `out of memory: the KV cache cannot grow (${cause.message})`, {
        expected: `${showBytes(this.layout.pageBytes)} more`,
        found: "the system refuses them",
        fix: "Use a smaller --max_seq_len, fewer requests at once, or a larger limit (ulimit -v, the container's memory)",
      });
    }
  }

  /** Takes a page back. A memory without used pages is freed. */
  give({ memory, address }: Page): void {
    memory.give(address);
    if (memory.isEmpty) this.#memories.splice(this.#memories.indexOf(memory), 1);
  }
}
