/** Arrays of a schema as grammars: given first items, then others. Does not know other types. */
import { EMPTY, type Expression, NOTHING, optional, repeat, rule, sequence } from "../grammar/grammar.js";
import { COMMA } from "./json-text.js";
import type { RuleMaker } from "./rule-maker.js";
import type { Part } from "./schema-document.js";
import type { View } from "./view.js";

/** Given first items at most. */
const MAX_FIRST = 1000;

/** An array. Without "items", one with "prefixItems" has no others, unless minItems asks for them. */
export function arrayShape(grammar: RuleMaker, view: View): Expression {
  const least = view.counts.get("minItems") ?? 0;
  const most = view.counts.get("maxItems") ?? Number.POSITIVE_INFINITY;
  if (least > most) return NOTHING;
  const lists = view.parts.map((part) => itemsOf(grammar, part));
  const first = Math.max(0, ...lists.map(({ prefix }) => prefix.length));
  if (first > MAX_FIRST)
    throw grammar.document.error(view.pointer, "has too many prefixItems", { expected: `at most ${MAX_FIRST}` });
  const isGiven = lists.some(({ others }) => others !== null);
  const isClosed = !isGiven && (first > 0 || view.all("unevaluatedItems").length > 0) && least <= first;
  const item = (index: number) =>
    grammar.value(lists.flatMap(({ prefix, others }) => (index < prefix.length ? [prefix[index]!] : (others ?? []))));
  if (isClosed && least > first) return NOTHING;
  const others = isClosed
    ? EMPTY
    : repeat(sequence(COMMA, item(first)), Math.max(0, least - Math.max(first, 1)), most - Math.max(first, 1));
  if (most === 0) return sequence("[]");
  let rest: Expression = most > first || first === 0 ? others : EMPTY;
  for (let i = Math.min(first, most) - 1; i >= 1; i--) {
    const part = sequence(COMMA, item(i), rule(grammar.newRule(rest)));
    rest = i < least ? part : optional(part);
  }
  if (first === 0 && isClosed) return least > 0 ? NOTHING : sequence("[]");
  const all = sequence(item(0), rest);
  return sequence("[", least > 0 ? all : optional(all), "]");
}

/** Items that one schema gives; `others`: null where it says nothing of those after the first ones. */
function itemsOf({ document }: RuleMaker, { schema, pointer }: Part): { prefix: Part[]; others: Part[] | null } {
  const { prefixItems, items, additionalItems } = schema as Record<string, unknown>;
  // Until draft 2019-09, a list of items was called items, and additionalItems were the others.
  const isOld = Array.isArray(items);
  const list = isOld ? items : prefixItems;
  const name = isOld ? "items" : "prefixItems";
  const prefix =
    list === undefined
      ? []
      : Array.isArray(list)
        ? list.map((one, i) => document.part(one, `${pointer}/${name}/${i}`))
        : [document.part(list, `${pointer}/${name}`)];
  if (list !== undefined && !Array.isArray(list))
    throw document.error(`${pointer}/${name}`, "has the wrong type", { expected: "a list" });
  const rest = isOld ? additionalItems : items;
  const at = `${pointer}/${isOld ? "additionalItems" : "items"}`;
  return { prefix, others: rest === undefined ? null : [document.part(rest, at)] };
}
