/** The keywords of JSON Schema: which say nothing about a value, which types the others are about, and which are refused. Does not know what they mean. */

export const TYPES = ["object", "array", "string", "number", "integer", "boolean", "null"] as const;
export type TypeName = (typeof TYPES)[number];

/** They describe a schema, or name its parts. */
const ANNOTATIONS = new Set([
  ...[
    "$schema",
    "$id",
    "id",
    "$anchor",
    "$dynamicAnchor",
    "$recursiveAnchor",
    "$comment",
    "$defs",
    "definitions",
    "$vocabulary",
  ],
  ...["title", "description", "default", "example", "examples", "deprecated", "readOnly", "writeOnly"],
  ...["contentEncoding", "contentMediaType", "contentSchema", "discriminator", "$ref", "allOf", "anyOf", "oneOf"],
  ...["type", "enum", "const"],
]);

/** The types that a keyword is about: without "type", a value of a schema has one of those of its keywords. */
const ABOUT: Readonly<Record<string, TypeName>> = {
  properties: "object",
  required: "object",
  additionalProperties: "object",
  patternProperties: "object",
  propertyNames: "object",
  unevaluatedProperties: "object",
  minProperties: "object",
  maxProperties: "object",
  items: "array",
  prefixItems: "array",
  additionalItems: "array",
  unevaluatedItems: "array",
  minItems: "array",
  maxItems: "array",
  uniqueItems: "array",
  minLength: "string",
  maxLength: "string",
  pattern: "string",
  format: "string",
  minimum: "number",
  maximum: "number",
  exclusiveMinimum: "number",
  exclusiveMaximum: "number",
  multipleOf: "number",
};

/** Why, or what to do instead. */
const REFUSED: Readonly<Record<string, string>> = {
  not: "Say what a value may be instead of what it may not be",
  if: "Use anyOf with a branch for each case",
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: "Use anyOf with a branch for each case",
  else: "Use anyOf with a branch for each case",
  dependentSchemas: "Use anyOf with a branch for each case",
  dependentRequired: "Use anyOf with a branch for each case",
  dependencies: "Use anyOf with a branch for each case",
  contains: "Use prefixItems or items",
  minContains: "Use prefixItems or items",
  maxContains: "Use prefixItems or items",
  $dynamicRef: "Use $ref",
  $recursiveRef: "Use $ref",
  nullable: 'Write "type": ["string", "null"] for a value that may be null',
};

/** What a keyword is about; "any": it is about no single type; null: it is not supported, and `fix` may say what to do. */
export function about(keyword: string): { type: TypeName | "any" } | { type: null; fix?: string } {
  if (ANNOTATIONS.has(keyword) || keyword.startsWith("x-")) return { type: "any" };
  if (Object.hasOwn(ABOUT, keyword)) return { type: ABOUT[keyword]! };
  return { type: null, ...(Object.hasOwn(REFUSED, keyword) && { fix: REFUSED[keyword]! }) };
}
