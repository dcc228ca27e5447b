/** Markdown becomes elements and nothing else: hostile texts stay texts, and a text that grows is drawn as a whole one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { lastly } from "../lastly.js";
import { skip, startBrowser } from "./browser.js";
import { HOSTILE } from "./hostile-texts.js";
import { openStage } from "./stage.js";

const browser = await startBrowser();
const stage =
  browser &&
  (await openStage(
    browser,
    `import { h, render } from "preact";
import { Markdown } from "./src/markdown/markdown.js";
import { lex, lexMore } from "./src/markdown/lex.js";
import { lastly } from "../lastly.js";
const app = document.getElementById("app");
globalThis.show = (text, isStreaming = false) => { render(h(Markdown, { text, isStreaming }), app); return app.firstChild; };
globalThis.tree = (text) => {
  render(null, app);
  const line = (node) => node.nodeType === 3 ? JSON.stringify(node.data) :
    node.localName + (node.href ? "[" + node.href + "]" : "") + "(" + [...node.childNodes].map(line).join(" ") + ")";
  return [...show(text).childNodes].map(line).join("\\n");
};
globalThis.lex = lex;
globalThis.lexMore = lexMore;`,
  ));

const run = <T>(code: string) => stage!.page.evaluate<T>(code);
const tree = (text: string) => run<string>(`tree(${JSON.stringify(text)})`);

test("each kind of Markdown is drawn by its element", { skip }, async () => {
  assert.equal(
    await tree("# One\n\nA *b* **c** ~~d~~ `e`"),
    'h3("One")\np("A " em("b") " " strong("c") " " del("d") " " code("e"))',
  );
  assert.equal(await tree("1. a\n2. b\n   - c"), 'ol(li("a") li("b" ul(li("c"))))');
  assert.equal(await tree("> q\n\n---"), 'blockquote(p("q"))\nhr()');
  assert.equal(await tree("a\nb"), 'p("a" br() "b")');
  assert.match(
    await tree("| a | b |\n|---|--:|\n| 1 | 2 |"),
    /table\(thead\(tr\(th\("a"\) th\("b"\)\)\) tbody\(tr\(td\("1"\) td\("2"\)/,
  );
  assert.equal(await tree("- [x] a"), 'ul(li(span("☑" " ") "a"))');
  assert.equal(await tree("a &lt;b&gt; &#39; &unknown;"), `p("a <b> ' &unknown;")`);
});

test("code has its language, its parts are coloured, and nothing of it is lost", { skip }, async () => {
  const text = 'Here:\n```ts\nconst a = "<b>";\n```';
  assert.match(
    await tree(text),
    /figcaption\(span\("ts"\) button\("Copy"\)\) pre\(code\(span\("const"\) " a " span\("="\) " " span\("\\"<b>\\""\)/,
  );
  assert.match(await tree("```unknown\nx < y\n```"), /code\("x < y"\)/);
  assert.equal(await run("document.querySelector('pre').textContent"), "x < y");
});

test("links go to http, https and mailto only, and show their address; images are links", { skip }, async () => {
  assert.equal(await tree("[a](https://b.example/c)"), 'p(a[https://b.example/c]("a" span(" (" "b.example/c" ")")))');
  assert.equal(await tree("<https://b.example>"), 'p(a[https://b.example/]("https://b.example"))');
  assert.equal(
    await tree("![alt](http://x.example/y.png)"),
    'p(a[http://x.example/y.png]("image" ": alt" span(" (" "x.example/y.png" ")")))',
  );
  // A look-alike of another letter is shown as what it is.
  assert.match(await tree("[bank](https://b\u0430nk.example)"), /\("bank" span\(" \(" "xn--/);
  for (const href of [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "file:///etc/passwd",
    "/v1/models",
    "//x.example",
    "java&#115;cript:alert(1)",
  ]) {
    assert.doesNotMatch(await tree(`[a](${href})`), /a\[/, href);
  }
  const rel = await run("show('[a](http://b.example)').querySelector('a').rel");
  assert.equal(rel, "noopener noreferrer nofollow");
});

test("hostile texts are shown as text: nothing runs, nothing is loaded", { skip }, async () => {
  const allowed =
    /^(p|br|a|span|code|em|strong|del|ul|ol|li|h3|h4|h5|h6|hr|blockquote|figure|figcaption|pre|button|div|table|thead|tbody|tr|th|td)$/;
  for (const text of HOSTILE) {
    await run(`show(${JSON.stringify(text)})`);
    const names = await run<string[]>("[...new Set([...app.querySelectorAll('*')].map((one) => one.localName))]");
    for (const name of names) assert.match(name, allowed, text);
    const attributes = await run<string[]>(
      "[...new Set([...app.querySelectorAll('*')].flatMap((one) => one.getAttributeNames()))]",
    );
    for (const name of attributes)
      assert.match(name, /^(class|href|title|target|rel|type|tabindex|start|role|aria-label|scope)$/, text);
  }
  assert.equal(await run("globalThis.hit"), undefined);
  assert.deepEqual(await stage!.offences(), []);
});

test("a text that grows is cut like a whole one, and finished blocks are not drawn again", { skip }, async () => {
  const text =
    "# One\n\nPara *a*\nb\n\n- x\n\n- y\n  1. z\n\nEnd [r] of\n\n[r]: http://r.example\n\n```js\nlet a\n\nlet b\n```\n\n| a |\n|---|\n| b |\n\nlast";
  const differences = await run<string[]>(`(() => {
    const text = ${JSON.stringify(text)}; const out = []; let lexed = null;
    const plain = (tokens) => JSON.stringify(tokens.map(({ type, raw }) => [type, raw]));
    for (let end = 1; end <= text.length; end++) {
      lexed = lexMore(lexed, text.slice(0, end));
      if (plain(lexed.blocks) !== plain(lex(text.slice(0, end)))) out.push(text.slice(0, end));
    }
    return out;
  })()`);
  assert.deepEqual(differences, []);
  const isSame = await run<boolean>(`(() => {
    show("# a\\n\\nb\\n\\nc\\n\\nd", true); const first = app.querySelector("p");
    let changes = 0; const observer = new MutationObserver((list) => { changes += list.length; });
    observer.observe(app, { subtree: true, childList: true, characterData: true });
    show("# a\\n\\nb\\n\\nc\\n\\nde", true);
    changes += observer.takeRecords().length;
    return app.querySelector("p") === first && changes === 1;
  })()`);
  assert.equal(isSame, true);
});

test("texts made to take long, or to overflow the stack, are drawn in time", { skip }, async () => {
  for (const part of ["*a ", ">", "[", "<a ", "- a\n  ", "![", "~~a ", "`a ``", "|", "\n> - "]) {
    const spent = await run<number>(
      `(() => { const start = performance.now(); show(${JSON.stringify(part)}.repeat(6000)); return performance.now() - start; })()`,
    );
    assert.ok(spent < 2000, `${part}: ${spent} ms`);
  }
  assert.deepEqual(await stage!.offences(), []);
});

lastly(() => browser?.close());
