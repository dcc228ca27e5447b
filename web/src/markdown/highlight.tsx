/** Colours code: lowlight's tree as elements. Ten languages; others stay plain. */
import bash from "highlight.js/lib/languages/bash";
import cpp from "highlight.js/lib/languages/cpp";
import go from "highlight.js/lib/languages/go";
import java from "highlight.js/lib/languages/java";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { createLowlight } from "lowlight";
import type { ComponentChildren } from "preact";

/** What is used of lowlight's tree. */
type Node =
  | { type: "text"; value: string }
  | { type: "element"; properties: { className?: unknown }; children: Node[] }
  | { type: "root"; children: Node[] };

const LANGUAGES = { bash, cpp, go, java, json, python, rust, typescript, xml, yaml };
/** Characters of code that is coloured: longer code is read elsewhere, and the page stays quick. */
const MAX_CODE = 20_000;

const lowlight = createLowlight(LANGUAGES);
// TypeScript's rules are those of JavaScript and more.
lowlight.registerAlias({ typescript: ["javascript", "js", "jsx", "mjs", "cjs"], bash: ["shell", "console"] });

/** The code as elements with classes; as it is if its language is not known. */
export function highlight(text: string, language: string): ComponentChildren {
  const name = language.toLowerCase();
  if (text.length > MAX_CODE || name === "" || !lowlight.registered(name)) return text;
  return elements(lowlight.highlight(name, text) as Node);
}

function elements(node: Node): ComponentChildren {
  if (node.type === "text") return node.value;
  const children = node.children.map(elements);
  if (node.type !== "element") return children;
  const { className } = node.properties;
  return <span class={Array.isArray(className) ? className.join(" ") : undefined}>{children}</span>;
}
