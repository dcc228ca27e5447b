/**
 * What an answer may be where tools are there, as a structural tag of XGrammar: free text up to a call, and calls bound to the
 * schemas of their tools. Does not know tokens, nor how a schema becomes a grammar.
 */
import type { Tag, TagFormat } from "../form/form.js";
import type { CallForm } from "./call-form.js";
import type { Tool, ToolChoice } from "./tool.js";

/** Small models of Llama write this before the name, too. */
const TYPE = '"type": "function", ';
/** The texts with which a call may begin in a form without tags. */
export const BARE_BEGINS = ['{"name": "', `{${TYPE}"name": "`];

/**
 * The form of answers that may call the tools, or must, or must not. `schemaOf`: the schema that the arguments of a tool are bound to;
 * `answer`: the form of an answer without calls, null for any text, which may then have calls after it. null: any answer.
 */
export function callGrammar(
  tools: readonly Tool[],
  choice: ToolChoice,
  { isParallel, form, schemaOf }: { isParallel: boolean; form: CallForm; schemaOf: (tool: Tool) => object | boolean },
  answer: TagFormat | null = null,
): TagFormat | null {
  const isBare = form.open === "";
  if (choice === "none") {
    // Without tags a text that looks like a call is one only where it is read as one.
    if (answer !== null || isBare) return answer;
    return { type: "triggered_tags", triggers: [form.open.trim()], tags: [], stop_after_first: true };
  }
  const chosen = typeof choice === "object" ? tools.filter((tool) => tool.function.name === choice.name) : tools;
  const isSingle = !isParallel || typeof choice === "object" || form.between === null;
  const ofTools = chosen.map((tool): Tag => {
    const content: TagFormat = { type: "json_schema", json_schema: schemaOf(tool) };
    return { type: "tag", begin: `${tool.function.name}", "${form.argumentsKey}": `, content, end: "" };
  });
  const types: TagFormat[] = isBare ? [{ type: "or", elements: [constant(""), constant(TYPE)] }] : [];
  const parts = [...types, constant('"name": "'), { type: "or", elements: ofTools } satisfies TagFormat];
  const content: TagFormat = { type: "sequence", elements: parts };
  const tags: Tag[] = [{ type: "tag", begin: `${form.open}{`, content, end: `}${form.close}` }];
  const separator = form.between ?? "\n";
  const shared = { separator, at_least_one: true, stop_after_first: isSingle };
  const calls: TagFormat = { type: "tags_with_separator", tags, ...shared };
  if (choice !== "auto") return calls;
  if (answer !== null) return { type: "or", elements: [calls, answer] };
  if (isBare) return { type: "or", elements: [calls, { type: "grammar", grammar: textUnlessCall() }] };
  return { type: "triggered_tags", triggers: [form.open.trim()], tags, stop_after_first: isSingle };
}

function constant(value: string): TagFormat {
  return { type: "const_string", value };
}

/** A grammar of the texts that do not begin as a call does: white space, a brace, and one of the first keys of calls. */
function textUnlessCall(): string {
  const keys = ['"name"', '"type"'];
  const space = "[ \\n\\t\\r]*";
  return `root ::= ${space} | ${space} [^{ \\n\\t\\r] any | ${space} "{" ${space} key
key ::= ${unless(keys, "\\n\\t\\r ")}
any ::= [^\\u0000]*`;
}

/** What may follow, none of the words being whole. `also`: characters that may not come first. */
function unless(words: readonly string[], also = ""): string {
  const firsts = [...new Set(words.map((word) => word[0]!))];
  const others = firsts.map((first) => (first === '"' ? '\\"' : first)).join("");
  const deeper = firsts.flatMap((first) => {
    const rests = words.filter((word) => word[0] === first).map((word) => word.slice(1));
    return rests.includes("") ? [] : [`${JSON.stringify(first)} (${unless(rests.filter((rest) => rest !== ""))})`];
  });
  return [`""`, `[^${others}${also}] any`, ...deeper].join(" | ");
}
