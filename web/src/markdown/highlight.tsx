/** Colours code: its tokens as elements. Does not know languages that are not in its table; they stay plain. */
import bash from "@speed-highlight/core/languages/bash.js";
import c from "@speed-highlight/core/languages/c.js";
import go from "@speed-highlight/core/languages/go.js";
import html from "@speed-highlight/core/languages/html.js";
import java from "@speed-highlight/core/languages/java.js";
import json from "@speed-highlight/core/languages/json.js";
import py from "@speed-highlight/core/languages/py.js";
import rs from "@speed-highlight/core/languages/rs.js";
import ts from "@speed-highlight/core/languages/ts.js";
import yaml from "@speed-highlight/core/languages/yaml.js";
import { type ShjLanguageData, tokenizeWith } from "@speed-highlight/core/tokenize";
import type { ComponentChildren } from "preact";

const OWN = { bash, c, go, html, java, json, py, rs, ts, yaml };
// Their own types leave out what is optional.
const languages = OWN as unknown as Record<string, ShjLanguageData>;

/** Other names of them; the rules of TypeScript are those of JavaScript and more. */
const NAMES: Record<string, keyof typeof OWN> = {
  ...{ sh: "bash", shell: "bash", zsh: "bash", console: "bash", cpp: "c", "c++": "c", h: "c", golang: "go" },
  ...{
    xml: "html",
    svg: "html",
    js: "ts",
    javascript: "ts",
    jsx: "ts",
    mjs: "ts",
    cjs: "ts",
    python: "py",
    rust: "rs",
  },
  ...{ typescript: "ts", tsx: "ts", yml: "yaml", jsonc: "json" },
};

/** Characters of code that is coloured: longer code is read elsewhere, and the page stays quick. */
const MAX_CODE = 10_000;
/** Runs of letters or spaces that no code has: the patterns take the square of their length. */
const LONG_RUN = /\w{400}|\s{400}/;

/** The code as elements with classes; as it is if its language is not known. */
export function highlight(text: string, language: string): ComponentChildren {
  const given = language.toLowerCase();
  const name = Object.hasOwn(NAMES, given) ? NAMES[given]! : given;
  if (text.length > MAX_CODE || LONG_RUN.test(text) || !Object.hasOwn(languages, name)) return text;
  const parts: ComponentChildren[] = [];
  tokenizeWith(
    text,
    name,
    (part, type) => {
      if (part !== "") parts.push(type ? <span class={`code-${type}`}>{part}</span> : part);
    },
    { languages },
  );
  return parts;
}
