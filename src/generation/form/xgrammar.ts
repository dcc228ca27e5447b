/** The only door to XGrammar's WebAssembly build: imports it, and has the few functions of it that are used. Runs in a thread of its own. */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import type * as XGrammar from "@mlc-ai/web-xgrammar";

export type { CompiledGrammar, GrammarCompiler, GrammarMatcher, TokenizerInfo } from "@mlc-ai/web-xgrammar";
export type Library = typeof XGrammar;

/**
 * Imports the library. Its file is a UMD bundle in a package that says it is a module: it finds neither `module` nor `require`,
 * and leaves its exports in a global. These globals are there only until its WebAssembly has started.
 */
export async function importXGrammar(): Promise<Library> {
  const file = createRequire(import.meta.url).resolve("@mlc-ai/web-xgrammar");
  const globals = { require: createRequire(file), __filename: file, __dirname: dirname(file), xgrammar: undefined };
  const place = globalThis as unknown as Record<string, unknown>;
  const before = Object.keys(globals).map((name) => [name, Object.getOwnPropertyDescriptor(place, name)] as const);
  Object.assign(place, globals);
  try {
    await import(pathToFileURL(file).href);
    const library = place.xgrammar as Library;
    const first = await library.TokenizerInfo.createTokenizerInfo([]);
    first.dispose();
    return library;
  } finally {
    for (const [name, descriptor] of before) {
      if (descriptor === undefined) delete place[name];
      else Object.defineProperty(place, name, descriptor);
    }
  }
}
