/** Makes a grammar of the JSON that a schema describes: every text of it is valid, though not every valid JSON is one. Knows types and branches. */
import { choice, type Expression, NOTHING, rule } from "../grammar/grammar.js";
import { arrayShape } from "./array-shape.js";
import { checkExclusive } from "./exclusive-branches.js";
import { INTEGER, JSON_RULES, jsonText, NUMBER } from "./json-text.js";
import type { TypeName } from "./keywords.js";
import { integerRange, numberRange } from "./number-range.js";
import { objectShape } from "./object-shape.js";
import type { RuleMaker } from "./rule-maker.js";
import { type Part, type Schema, SchemaDocument } from "./schema-document.js";
import { stringShape } from "./string-shape.js";
import { View } from "./view.js";

/** Rules at most: branches within branches multiply. */
const MAX_RULES = 5000;

export class SchemaGrammar implements RuleMaker {
  readonly rules = new Map<string, Expression>();
  readonly root: string;
  readonly document: SchemaDocument;
  readonly #prefix: string;
  /** Rules by the places of their schemas. */
  readonly #names = new Map<string, string>();
  readonly #queue: (() => void)[] = [];

  /** `prefix` comes before the names of rules. Throws LlamaError (usage) that names the place of what is wrong or not supported. */
  constructor(schema: Schema | object, where: string, prefix = "") {
    this.document = new SchemaDocument(schema, where);
    this.#prefix = prefix;
    const root = this.value([this.document.root]);
    this.root = `${prefix}root`;
    this.rules.set(this.root, root);
    // Not by recursion, so that the depth of a schema is no matter.
    for (let next = this.#queue.pop(); next; next = this.#queue.pop()) next();
    for (const [name, expression] of JSON_RULES) this.rules.set(name, expression);
  }

  value(parts: readonly Part[]): Expression {
    const some = parts.filter(({ schema }) => schema !== true);
    if (some.length === 0) return rule("value");
    const key = [
      ...new Set(
        some.map(({ pointer, without, isWhole }) => `${pointer}!${without?.join() ?? ""}${isWhole ? "!" : ""}`),
      ),
    ]
      .sort()
      .join(" ");
    let name = this.#names.get(key);
    if (name === undefined) {
      name = this.newRule();
      this.#names.set(key, name);
      const own = name;
      this.#queue.push(() => this.rules.set(own, this.#expression(new View(this.document, some))));
    }
    return rule(name);
  }

  key(parts: readonly Part[]): Expression {
    const view = new View(this.document, parts);
    if (view.isImpossible || (view.types !== null && !view.types.has("string"))) return NOTHING;
    if (view.branches !== null) throw this.document.unsupported(view.pointer, view.branches.keyword);
    const strings = view.values?.filter((value) => typeof value === "string");
    return strings ? this.#values(view, strings) : stringShape(this.document, view);
  }

  newRule(expression?: Expression): string {
    const name = `${this.#prefix}s${this.#count++}`;
    if (this.#count > MAX_RULES) {
      throw this.document.error("", "is too large", { expected: `at most ${MAX_RULES} rules` });
    }
    if (expression !== undefined) this.rules.set(name, expression);
    return name;
  }

  #count = 0;

  #expression(view: View): Expression {
    if (view.isImpossible) return NOTHING;
    const { branches } = view;
    if (branches !== null) {
      const { keyword, options, owner } = branches;
      if (keyword === "oneOf") checkExclusive(this.document, options, owner.pointer);
      const rest = view.parts.map((part) => {
        const without = [...(part.without ?? []), "allOf", "$ref", ...(part.schema === owner.schema ? [keyword] : [])];
        return { ...part, without: [...new Set(without)], isWhole: part === view.whole };
      });
      return choice(...options.map((option) => this.value([...rest, option])));
    }
    if (view.values !== null) return this.#values(view, view.values);
    return choice(...view.allowed().map((type) => this.#type(view, type)));
  }

  #type(view: View, type: TypeName): Expression {
    const isBound = view.least !== null || view.most !== null;
    switch (type) {
      case "null":
        return choice("null");
      case "boolean":
        return choice("true", "false");
      case "integer":
        return isBound ? integerRange(view.least, view.most) : INTEGER;
      case "number":
        return isBound ? numberRange(view.least, view.most) : NUMBER;
      case "string":
        return stringShape(this.document, view);
      case "array":
        return arrayShape(this, view);
      case "object":
        return objectShape(this, view);
    }
  }

  /** Those of given values that the other keywords allow. */
  #values(view: View, values: readonly unknown[]): Expression {
    const { least, most, counts } = view;
    const kept = values.filter((value) => {
      const type = typeOf(value);
      if (!(view.types === null || view.types.has(type))) return false;
      if (typeof value === "number") {
        if (least && (least.isExclusive ? value <= least.value : value < least.value)) return false;
        return !(most && (most.isExclusive ? value >= most.value : value > most.value));
      }
      if (typeof value !== "string" && typeof value !== "object") return true;
      const about = typeof value === "string" ? "string" : Array.isArray(value) ? "array" : "object";
      if (value === null || !view.mentioned.has(about)) return true;
      if (about === "string" && view.patterns.length === 0 && view.format === null) {
        const length = Array.from(value as string).length;
        return (
          length >= (counts.get("minLength") ?? 0) && length <= (counts.get("maxLength") ?? Number.POSITIVE_INFINITY)
        );
      }
      throw this.document.error(view.pointer, "has given values beside keywords about them", {
        fix: "Leave out either the values (enum, const) or the other keywords",
      });
    });
    return kept.length === 0 ? NOTHING : choice(...kept.map(jsonText));
  }
}

function typeOf(value: unknown): TypeName {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value as TypeName;
}
