/** Colours code by the tables of languages: comments, texts, numbers and words, as elements. Other languages stay plain. */
import type { ComponentChildren } from "preact";
import { type CodeKind, findLanguage, type Language } from "./languages.js";

/** Characters of code that is coloured: longer code is read elsewhere, and the page stays quick. */
const MAX_CODE = 20_000;
const WORD = "[\\p{L}_][\\p{L}\\p{N}_]*";
const LITERALS = new Set(["true", "false", "null", "None", "True", "False", "nil", "undefined", "nullptr", "NULL"]);

const scanners = new WeakMap<Language, RegExp>();

/** The code as elements with classes; as it is if its language is not known. */
export function highlight(text: string, name: string): ComponentChildren {
  const language = findLanguage(name);
  if (language === null || text.length > MAX_CODE) return text;
  const parts: ComponentChildren[] = [];
  let at = 0;
  for (const match of text.matchAll(scannerOf(language))) {
    const kind = kindOf(match, language, text);
    if (kind === null) continue;
    parts.push(text.slice(at, match.index), <span class={`code-${kind}`}>{match[0]}</span>);
    at = match.index + match[0].length;
  }
  return [...parts, text.slice(at)];
}

/** One expression with a group for each pattern, and one for words. */
function scannerOf(language: Language): RegExp {
  let scanner = scanners.get(language);
  if (scanner === undefined) {
    const groups = [...language.patterns.map(([, pattern]) => pattern), WORD].map((pattern) => `(${pattern})`);
    scanner = new RegExp(groups.join("|"), "gimu");
    scanners.set(language, scanner);
  }
  return scanner;
}

function kindOf(match: RegExpExecArray, { patterns, keywords }: Language, text: string): CodeKind | null {
  const group = match.findIndex((part, i) => i > 0 && part !== undefined) - 1;
  const pattern = patterns[group];
  if (pattern) return pattern[0];
  const [word] = match;
  if (LITERALS.has(word)) return "literal";
  if (keywords.has(word) || (word === word.toUpperCase() && keywords.has(word.toLowerCase()))) return "keyword";
  return text[match.index + word.length] === "(" ? "title" : null;
}
