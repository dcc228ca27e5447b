/** Compiles the attention kernel to WebAssembly beside the code that loads it; does nothing if that is newer than its sources. */
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL(".", import.meta.url));
const target = fileURLToPath(new URL("../dist/src/engine/attention/attention.wasm", import.meta.url));

function changed(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

const newest = Math.max(...readdirSync(folder).map((name) => changed(`${folder}${name}`)));
if (changed(target) <= newest) {
  // Loading the compiler takes longer than compiling.
  const { default: asc } = await import("assemblyscript/asc");
  mkdirSync(new URL(".", `file://${target}`), { recursive: true });
  const options = [
    "--enable",
    "simd",
    "-O3",
    "--noAssert",
    "--runtime",
    "stub",
    "--importMemory",
    "--initialMemory",
    "1",
  ];
  const { error, stderr } = await asc.main([`${folder}attention.ts`, "--outFile", target, ...options]);
  if (error) throw new Error(`the kernel does not compile: ${stderr}`);
}
