/** Modules of the page for tests in Node: those that do not touch the DOM when they are loaded. */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const WEB = fileURLToPath(new URL("../../../web/src/", import.meta.url));

/** The exports of these files of web/src, in one object; they share their state. */
// biome-ignore lint/suspicious/noExplicitAny: the page is compiled with types of its own
export async function pageModules(...names: readonly string[]): Promise<any> {
  const contents = names.map((name) => `export * from "./${name}";`).join("\n");
  const { outputFiles } = await build({
    ...{ stdin: { contents, resolveDir: WEB, loader: "ts" }, bundle: true, format: "esm", write: false },
    ...{ jsx: "automatic", jsxImportSource: "preact" },
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0]!.contents).toString("base64")}`);
}
