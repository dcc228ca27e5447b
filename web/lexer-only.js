/**
 * Leaves of marked what the page uses: its lexer. The rest writes HTML, which the page never does, and bundlers keep it because
 * marked makes an object of it when it is loaded.
 */
import { readFileSync } from "node:fs";

/** A plugin of esbuild. The build fails if marked has another form than expected. */
export const lexerOnly = {
  name: "lexer-only",
  setup(build) {
    build.onLoad({ filter: /[\\/]marked\.esm\.js$/ }, ({ path }) => ({
      contents: cut(readFileSync(path, "utf8"), path),
    }));
  },
};

function cut(source, path) {
  const [, lexer] = /export\s*\{[^}]*?(\w+) as Lexer\b/.exec(source) ?? [];
  // The object, and the function that has it: all before is classes and patterns.
  const end = /;var (\w+)=new \w+;function \w+\(\w+,\w+\)\{return \1\.parse\(/.exec(source)?.index;
  if (lexer === undefined || end === undefined) throw new Error(`${path} has no longer the form that is cut`);
  return `${source.slice(0, end)};export{${lexer} as Lexer};`;
}
