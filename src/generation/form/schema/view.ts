/**
 * What several schemas say together of one value: references followed, allOf joined, bounds met. Does not know grammars.
 * Schemas of properties and items stay lists of schemas, since a schema may refer to itself.
 */
import { about, TYPES, type TypeName } from "./keywords.js";
import type { Bound } from "./number-range.js";
import { escaped, isObject, type Part, type Schema, type SchemaDocument } from "./schema-document.js";

/** Alternatives: the parts of each branch. */
interface Branches {
  keyword: "anyOf" | "oneOf";
  options: Part[];
  /** The schema that has the keyword. */
  owner: Part;
}

export class View {
  /** All schemas that apply, references and allOf followed. */
  readonly parts: Part[] = [];
  /** Where it is, for messages. */
  readonly pointer: string;
  types: Set<TypeName> | null = null;
  /** The types of keywords that are there. */
  readonly mentioned = new Set<TypeName>();
  values: unknown[] | null = null;
  least: Bound | null = null;
  most: Bound | null = null;
  readonly counts = new Map<string, number>();
  readonly patterns: { source: string; pointer: string }[] = [];
  format: { name: string; pointer: string } | null = null;
  branches: Branches | null = null;
  isImpossible = false;
  /** The schema by which all others are applied; null where several are. */
  readonly whole: Part | null;
  readonly #document: SchemaDocument;

  constructor(document: SchemaDocument, parts: readonly Part[]) {
    this.#document = document;
    this.pointer = parts[0]!.pointer;
    this.whole = parts.length === 1 || parts[0]!.isWhole ? parts[0]! : null;
    const seen = new Set<string>();
    for (const part of parts) this.#add(part, [], seen);
    for (const part of this.parts) this.#read(part);
  }

  /** Adds a schema and those it refers to; `chain`: the references that led to it. */
  #add(part: Part, chain: readonly Schema[], seen: Set<string>): void {
    const { schema, pointer, without = [] } = part;
    if (schema === false) this.isImpossible = true;
    if (typeof schema === "boolean") return;
    if (chain.includes(schema)) {
      throw this.#document.error(pointer, "refers to itself without a value in between");
    }
    const key = `${pointer}!${without.join()}`;
    if (seen.has(key)) return;
    seen.add(key);
    this.parts.push(part);
    const next = [...chain, schema];
    if (schema.$ref !== undefined && !without.includes("$ref")) {
      if (pointer !== "" && typeof schema.$id === "string") throw this.#document.unsupported(pointer, "$id");
      this.#add(this.#document.resolve(schema.$ref, pointer), next, seen);
    }
    if (schema.allOf !== undefined && !without.includes("allOf")) {
      for (const one of this.list(schema.allOf, `${pointer}/allOf`)) this.#add(one, next, seen);
    }
  }

  #read(part: Part): void {
    const { pointer, without = [] } = part;
    const schema = part.schema as Readonly<Record<string, unknown>>;
    for (const [keyword, value] of Object.entries(schema)) {
      if (value === undefined || without.includes(keyword)) continue;
      const found = about(keyword);
      if (found.type === null) {
        const { fix } = found;
        throw this.#document.unsupported(pointer, keyword, fix === undefined ? {} : { fix });
      }
      if (found.type !== "any") this.mentioned.add(found.type);
      const at = `${pointer}/${escaped(keyword)}`;
      if (keyword === "type") this.#type(value, at);
      else if (keyword === "enum" || keyword === "const") this.#values(keyword === "enum" ? value : [value], at);
      else if (keyword === "anyOf" || keyword === "oneOf") {
        this.branches ??= { keyword, options: this.list(value, at), owner: part };
      } else if (/^(exclusive)?(min|max)imum$/i.test(keyword)) this.#bound(keyword, value, at);
      else if (/^(min|max)[A-Z]/.test(keyword)) this.#count(keyword, value, at);
      else if (keyword === "pattern") this.patterns.push({ source: this.#text(value, at), pointer: at });
      else if (keyword === "format") this.#format(this.#text(value, at), at);
      else if (keyword === "multipleOf" && !(value === 1 && this.#isInteger(schema))) {
        throw this.#document.unsupported(pointer, keyword);
      } else if (keyword === "uniqueItems" && value !== false && !(Number(schema.maxItems) <= 1)) {
        throw this.#document.unsupported(pointer, keyword, {
          fix: "Bound the list by enum values or prefixItems, or leave it out",
        });
      } else if (keyword.startsWith("unevaluated") && value !== true && this.whole?.schema !== schema) {
        throw this.#document.unsupported(pointer, keyword, {
          fix: "Put it into the schema that has the allOf, anyOf or $ref",
        });
      } else if (keyword === "$id" && pointer !== "") throw this.#document.unsupported(pointer, keyword);
    }
  }

  #isInteger({ type }: Readonly<Record<string, unknown>>): boolean {
    return type === "integer";
  }

  #type(value: unknown, at: string): void {
    const names = [value].flat();
    const wrong = names.find((name) => !TYPES.includes(name as TypeName));
    if (names.length === 0 || wrong !== undefined) {
      throw this.#document.error(at, "is not a type", {
        expected: `one of ${TYPES.join(", ")}, or a list`,
        found: JSON.stringify(wrong) ?? "none",
      });
    }
    const own = new Set(names as TypeName[]);
    if (own.has("number")) own.add("integer");
    this.types = this.types === null ? own : new Set([...this.types].filter((name) => own.has(name)));
  }

  #values(value: unknown, at: string): void {
    if (!Array.isArray(value)) throw this.#document.error(at, "has the wrong type", { expected: "a list" });
    const keys = new Set(value.map(canonical));
    this.values = this.values === null ? value : this.values.filter((one) => keys.has(canonical(one)));
  }

  #bound(keyword: string, value: unknown, at: string): void {
    if (typeof value !== "number" || !Number.isFinite(value)) {
      throw this.#document.error(at, "has the wrong type", { expected: "a number" });
    }
    const bound = { value, isExclusive: keyword.startsWith("exclusive") };
    const isLeast = /min/i.test(keyword);
    const known = isLeast ? this.least : this.most;
    const isTighter =
      known === null ||
      (isLeast ? value > known.value : value < known.value) ||
      (value === known.value && bound.isExclusive);
    if (isTighter && isLeast) this.least = bound;
    else if (isTighter) this.most = bound;
  }

  #count(keyword: string, value: unknown, at: string): void {
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0) {
      throw this.#document.error(at, "has the wrong type", { expected: "a whole number of at least 0" });
    }
    const known = this.counts.get(keyword) ?? value;
    this.counts.set(keyword, keyword.startsWith("min") ? Math.max(known, value) : Math.min(known, value));
  }

  #format(name: string, pointer: string): void {
    if (this.format !== null && this.format.name !== name) throw this.#document.error(pointer, "is a second format");
    this.format = { name, pointer };
  }

  #text(value: unknown, at: string): string {
    if (typeof value !== "string") throw this.#document.error(at, "has the wrong type", { expected: "a string" });
    return value;
  }

  /** The schemas of a list that is not empty. */
  list(value: unknown, at: string): Part[] {
    if (!Array.isArray(value) || value.length === 0) {
      throw this.#document.error(at, "has the wrong type", { expected: "a list of schemas" });
    }
    return value.map((one, i) => this.#document.part(one, `${at}/${i}`));
  }

  /** The types that a value may have. */
  allowed(): TypeName[] {
    const free = this.mentioned.size > 0 ? this.mentioned : new Set(TYPES);
    const some = this.types ?? free;
    const names = TYPES.filter((name) => some.has(name));
    return names.includes("number") ? names.filter((name) => name !== "integer") : names;
  }

  /** A keyword's values in all schemas that have it. */
  all(keyword: string): { value: unknown; part: Part; at: string }[] {
    return this.parts.flatMap((part) => {
      const value = (part.schema as Record<string, unknown>)[keyword];
      return value === undefined ? [] : [{ value, part, at: `${part.pointer}/${escaped(keyword)}` }];
    });
  }
}

/** The same text for values that JSON Schema takes as equal. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (!isObject(value)) return JSON.stringify(value === 0 ? 0 : value) ?? "null";
  return `{${Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`)
    .join()}}`;
}
