/**
 * What an answer may be where tools are there, as a structural tag of XGrammar: free text up to a call, and calls bound to the
 * schemas of their tools. Does not know tokens, nor how a schema becomes a grammar.
 */
import type { CallForm } from "./call-form.js";
import type { Tool, ToolChoice } from "./tool.js";

/** The parts of XGrammar's structural tags that are used here. */
export type TagFormat =
  | { type: "json_schema"; json_schema: object | boolean }
  | { type: "grammar"; grammar: string }
  | { type: "or"; elements: TagFormat[] }
  | Tag
  | { type: "triggered_tags"; triggers: string[]; tags: Tag[]; stop_after_first: boolean }
  | { type: "tags_with_separator"; tags: Tag[]; separator: string; at_least_one: boolean; stop_after_first: boolean };

interface Tag {
  type: "tag";
  begin: string;
  content: TagFormat;
  end: string;
}

/** The texts with which a call may begin in a form without tags. Small models of Llama write the second one as well. */
export const BARE_BEGINS = ['{"name": "', '{"type": "function", "name": "'];

/** The form of answers that may call the tools, or must. `schemaOf`: the schema that the arguments of a tool are bound to. */
export function callGrammar(
  tools: readonly Tool[],
  choice: Exclude<ToolChoice, "none">,
  { isParallel, form, schemaOf }: { isParallel: boolean; form: CallForm; schemaOf: (tool: Tool) => object | boolean },
): TagFormat {
  const chosen = typeof choice === "object" ? tools.filter((tool) => tool.function.name === choice.name) : tools;
  const isSingle = !isParallel || typeof choice === "object" || form.between === null;
  const isBare = form.open === "";
  const begins = isBare ? BARE_BEGINS : [`${form.open}{"name": "`];
  const tags = chosen.flatMap((tool): Tag[] => {
    const { name } = tool.function;
    const content: TagFormat = { type: "json_schema", json_schema: schemaOf(tool) };
    const end = `}${form.close}`;
    return begins.map((begin) => ({
      type: "tag",
      begin: `${begin}${name}", "${form.argumentsKey}": `,
      content,
      end,
    }));
  });
  if (choice !== "auto") {
    const separator = form.between ?? "\n";
    return { type: "tags_with_separator", tags, separator, at_least_one: true, stop_after_first: isSingle };
  }
  if (isBare) return { type: "or", elements: [...tags, { type: "grammar", grammar: textUnlessCall() }] };
  return { type: "triggered_tags", triggers: [form.open.trim()], tags, stop_after_first: isSingle };
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
