/** Whether at most one branch of a oneOf can hold: then it is an anyOf. Does not know grammars. */
import { isObject, type Part, type SchemaDocument } from "./schema-document.js";
import { canonical, View } from "./view.js";

/** Throws LlamaError (usage) unless types, given values or a property that tells them apart show it of every two branches. */
export function checkExclusive(document: SchemaDocument, options: readonly Part[], pointer: string): void {
  const views = options.map((option) => new View(document, [option]));
  const given = views.map((view) => givenOf(document, view));
  for (const [i, one] of views.entries()) {
    for (const [after, other] of views.slice(i + 1).entries()) {
      if (areApart(one, other, given[i]!, given[i + 1 + after]!)) continue;
      throw document.error(`${pointer}/oneOf`, "has branches of which a value may match two", {
        fix: "Use anyOf, or give each branch a required property with a const of its own",
      });
    }
  }
}

function areApart(one: View, other: View, mine: Given, theirs: Given): boolean {
  if (one.isImpossible || other.isImpossible) return true;
  // Without "type", any value may match.
  if (one.types !== null && other.types !== null) {
    const types = [...one.types];
    if (!types.some((type) => other.types!.has(type))) return true;
  }
  if (one.values !== null && other.values !== null && noneShared(one.values, other.values)) return true;
  // In a value of one branch that has the property, it is what the other forbids; a value without it fails where it is required.
  return [...mine].some(([name, { values, isRequired }]) => {
    const found = theirs.get(name);
    return found !== undefined && isRequired && found.isRequired && noneShared(values, found.values);
  });
}

function noneShared(some: readonly unknown[], others: readonly unknown[]): boolean {
  const keys = new Set(others.map(canonical));
  return !some.some((value) => keys.has(canonical(value)));
}

type Given = ReadonlyMap<string, { values: readonly unknown[]; isRequired: boolean }>;

/** Properties whose values are given, for objects only. */
function givenOf(document: SchemaDocument, view: View): Given {
  const result = new Map<string, { values: readonly unknown[]; isRequired: boolean }>();
  if (view.types === null || view.types.size !== 1 || !view.types.has("object")) return result;
  const required = new Set(view.all("required").flatMap(({ value }) => (Array.isArray(value) ? value : [])));
  for (const { value, at } of view.all("properties")) {
    if (!isObject(value)) continue;
    for (const [name, schema] of Object.entries(value)) {
      if (!isObject(schema)) continue;
      const { values } = new View(document, [{ schema, pointer: `${at}/${name}` }]);
      if (values !== null) result.set(name, { values, isRequired: required.has(name) });
    }
  }
  return result;
}
