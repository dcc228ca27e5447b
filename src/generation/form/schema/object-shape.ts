/** Objects of a schema as grammars: properties in the order of the schema, then others. Does not know other types. */
import { choice, EMPTY, type Expression, NOTHING, optional, repeat, rule, sequence } from "../grammar/grammar.js";
import { readRegex } from "../grammar/regex.js";
import { COLON, COMMA, inString, stringExcept } from "./json-text.js";
import type { RuleMaker } from "./rule-maker.js";
import { escaped, isObject, type Part } from "./schema-document.js";
import type { View } from "./view.js";

/** What all schemas together say of an object. */
interface Members {
  /** Schemas of each property that is named, in order. */
  readonly named: ReadonlyMap<string, readonly Part[]>;
  readonly required: ReadonlySet<string>;
  /** Schemas of other properties; null: no others. */
  readonly others: readonly Part[] | null;
  /** The key of other properties, in its quotes. */
  readonly key: Expression;
}

/**
 * An object. Without "additionalProperties", one with "properties" has no others. A property that may be left out, or others, come
 * only in this order: so no name comes twice.
 */
export function objectShape(grammar: RuleMaker, view: View): Expression {
  const { named, required, others, key } = membersOf(grammar, view);
  const least = view.counts.get("minProperties") ?? 0;
  const most = view.counts.get("maxProperties") ?? Number.POSITIVE_INFINITY;
  const needed = required.size;
  const document = grammar.document;
  // Others may repeat a name, and then count once.
  const leastOthers = least > needed && others !== null && named.size === needed ? 1 : 0;
  if (least > needed + leastOthers) {
    throw document.unsupported(view.pointer, "minProperties", { fix: "Name the properties in required" });
  }
  if (needed > most) return NOTHING;
  if (named.size > most)
    throw document.unsupported(view.pointer, "maxProperties", { fix: "Name fewer properties, or leave it out" });
  const pair = others === null ? null : sequence(key, COLON, grammar.value(others));
  const room = most - named.size;
  /** Others after at least one property. */
  const tail = pair === null ? EMPTY : repeat(sequence(COMMA, pair), leastOthers, room);
  const begin = pair === null || room < 1 ? null : sequence(pair, repeat(sequence(COMMA, pair), 0, room - 1));
  let first: Expression = begin === null ? EMPTY : leastOthers > 0 ? begin : optional(begin);
  let rest: Expression = tail;
  for (const [name, parts] of [...named].reverse()) {
    const member = sequence(JSON.stringify(name) + COLON, grammar.value(parts));
    const after = rule(grammar.newRule(rest));
    const isRequired = required.has(name);
    rest = sequence(COMMA, member, after);
    if (!isRequired) rest = choice(rest, after);
    const start = sequence(member, after);
    first = isRequired ? start : choice(start, rule(grammar.newRule(first)));
  }
  return sequence("{", first, "}");
}

function membersOf(grammar: RuleMaker, view: View): Members {
  const { document } = grammar;
  const required = new Set<string>();
  for (const { value, at } of view.all("required")) {
    if (!Array.isArray(value) || value.some((name) => typeof name !== "string")) {
      throw document.error(at, "has the wrong type", { expected: "a list of names" });
    }
    for (const name of value as string[]) required.add(name);
  }
  const names = new Set<string>();
  for (const { value, at } of view.all("properties")) {
    if (!isObject(value)) throw document.error(at, "has the wrong type", { expected: "an object of schemas" });
    for (const name of Object.keys(value)) names.add(name);
  }
  for (const name of required) names.add(name);
  const named = new Map([...names].map((name) => [name, view.parts.flatMap((part) => ofName(grammar, part, name))]));
  const patterns = view.all("patternProperties");
  const keys = view.all("propertyNames");
  const given = view.all("additionalProperties");
  if (patterns.length > 0) return withPattern(grammar, view, { named, required });
  const others = given.map(({ value, at }) => document.part(value, at));
  const isClosed =
    others.some(({ schema }) => schema === false) ||
    (others.length === 0 && (names.size > 0 || view.all("unevaluatedProperties").length > 0));
  if (keys.length === 0) return { named, required, others: isClosed ? null : others, key: stringExcept([...names]) };
  if (names.size > 0) {
    throw document.unsupported(keys[0]!.part.pointer, "propertyNames", {
      fix: "Leave it out where properties are named",
    });
  }
  const key = grammar.key(keys.map(({ value, at }) => document.part(value, at)));
  return { named, required, others: isClosed ? null : others, key };
}

/** What one schema says of a property. */
function ofName(grammar: RuleMaker, { schema, pointer }: Part, name: string): Part[] {
  const { properties, additionalProperties } = schema as Record<string, unknown>;
  if (isObject(properties) && Object.hasOwn(properties, name)) {
    return [grammar.document.part(properties[name], `${pointer}/properties/${escaped(name)}`)];
  }
  if (additionalProperties === undefined) return [];
  return [grammar.document.part(additionalProperties, `${pointer}/additionalProperties`)];
}

/** Names that one pattern matches; since it may match a given name too, there may be no given names. */
function withPattern(
  grammar: RuleMaker,
  view: View,
  { named, required }: Pick<Members, "named" | "required">,
): Members {
  const { document } = grammar;
  const [{ value, part, at }] = view.all("patternProperties") as [{ value: unknown; part: Part; at: string }];
  const entries = isObject(value) ? Object.entries(value) : [];
  const isAlone = view.all("patternProperties").length === 1 && view.all("propertyNames").length === 0;
  if (entries.length !== 1 || named.size > 0 || !isAlone) {
    const expected = "one pattern, and no properties, required or propertyNames beside it";
    throw document.unsupported(part.pointer, "patternProperties", { expected });
  }
  const [[source, schema]] = entries as [[string, unknown]];
  const place = `${at}/${escaped(source)}`;
  const options = readRegex(source, `${document.where} #${place}`).map(({ inner }) => inner);
  const key = sequence('"', inString(choice(...options)), '"');
  return { named, required, others: [document.part(schema, place)], key };
}
