/** Checks a value against the part of JSON Schema that docs/output.schema.json uses; other keywords are refused. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { readJson } from "../folders.js";

interface Schema {
  [keyword: string]: unknown;
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  required?: string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: boolean;
}

const ROOT = readJson<{ $defs: Record<string, Schema> }>(
  fileURLToPath(new URL("../../../docs/output.schema.json", import.meta.url)),
);
const KNOWN = ["$ref", "type", "enum", "required", "properties", "items", "additionalProperties", "description"];

/** Throws unless `value` matches the definition. */
export function checkSchema(name: string, value: unknown): void {
  check({ $ref: `#/$defs/${name}` }, value, name);
}

function check(schema: Schema, value: unknown, where: string): void {
  for (const keyword of Object.keys(schema)) assert.ok(KNOWN.includes(keyword), `${keyword} is not checked`);
  if (schema.$ref !== undefined) {
    const target = ROOT.$defs[schema.$ref.replace("#/$defs/", "")];
    assert.ok(target, `no ${schema.$ref}`);
    check(target, value, where);
  }
  if (schema.enum) assert.ok(schema.enum.includes(value), `${where} is ${JSON.stringify(value)}`);
  if (schema.type !== undefined) {
    assert.ok(
      [schema.type].flat().some((type) => isType(type, value)),
      `${where} is no ${schema.type}: ${value}`,
    );
  }
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) check(schema.items ?? {}, item, `${where}[${i}]`);
  } else if (value !== null && typeof value === "object") {
    for (const key of schema.required ?? []) assert.ok(key in value, `${where} has no ${key}`);
    for (const [key, entry] of Object.entries(value)) {
      const property = schema.properties?.[key];
      assert.ok(property || schema.additionalProperties !== false, `${where} has ${key}`);
      if (property) check(property, entry, `${where}.${key}`);
    }
  }
}

function isType(type: string, value: unknown): boolean {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "integer") return Number.isInteger(value);
  return typeof value === type && value !== null && !Array.isArray(value);
}
