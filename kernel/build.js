/** Compiles the kernels to WebAssembly beside the code that loads them; does nothing for one that is newer than all sources. */
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL(".", import.meta.url));
/** Where each kernel goes. */
const TARGETS = { attention: "engine/attention", weights: "engine/stages" };

function changed(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

const newest = Math.max(...readdirSync(folder).map((name) => changed(`${folder}${name}`)));
for (const [name, place] of Object.entries(TARGETS)) {
  const target = fileURLToPath(new URL(`../dist/src/${place}/${name}.wasm`, import.meta.url));
  if (changed(target) > newest) continue;
  // Loading the compiler takes longer than compiling.
  const { default: asc } = await import("assemblyscript/asc");
  mkdirSync(dirname(target), { recursive: true });
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
  const { error, stderr } = await asc.main([`${folder}${name}.ts`, "--outFile", target, ...options]);
  if (error) throw new Error(`${name}.ts does not compile: ${stderr}`);
}
