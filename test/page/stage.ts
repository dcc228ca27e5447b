/** Parts of the page by themselves, in a browser with the page's own policy: for what needs no server. */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { Browser } from "playwright-core";
import { type Visit, visit } from "./browser.js";

const WEB = fileURLToPath(new URL("../../../web/", import.meta.url));
const ADDRESS = "http://stage.test/";
const POLICY = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' data:"],
  ...["base-uri 'none'", "form-action 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'"],
].join("; ");

/** A page with the script `code`, whose imports are relative to web/; it draws into #app. */
export async function openStage(browser: Browser, code: string): Promise<Visit> {
  const { lexerOnly } = (await import(new URL("../../../web/lexer-only.js", import.meta.url).href)) as {
    lexerOnly: NonNullable<Parameters<typeof build>[0]["plugins"]>[number];
  };
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: WEB, loader: "tsx" },
    ...{ absWorkingDir: WEB, outdir: "out", bundle: true, format: "esm", write: false, plugins: [lexerOnly] },
    ...{ jsx: "automatic", jsxImportSource: "preact" },
  });
  const text = (ending: string) => outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? "";
  const files: Record<string, { contentType: string; body: string }> = {
    "/app.js": { contentType: "text/javascript", body: text(".js") },
    "/app.css": { contentType: "text/css", body: text(".css") },
    "/": {
      contentType: "text/html",
      body: `<!doctype html><html lang="en"><title>stage</title><link rel="stylesheet" href="app.css">
<main id="app"></main><script type="module" src="app.js"></script></html>`,
    },
  };
  return visit(browser, ADDRESS, {}, async (page) => {
    await page.route(`${ADDRESS}**`, (route) => {
      const file = files[new URL(route.request().url()).pathname];
      return route.fulfill(file ? { ...file, headers: { "content-security-policy": POLICY } } : { status: 404 });
    });
  });
}
