/** A JSON schema as a document: bounds of its size, places in it, and what its references refer to. Does not know keywords' meaning. */
import { LlamaError } from "../../../error.js";
import { quoted } from "../../../formats/files/quoted.js";

const MAX_DEPTH = 100;
const MAX_NODES = 20_000;
const MAX_CHARACTERS = 1024 * 1024;

export type Schema = Readonly<Record<string, unknown>> | boolean;

/** A schema and its place, as a JSON pointer after "#". */
export interface Part {
  readonly schema: Schema;
  readonly pointer: string;
  /** Keywords that are dealt with already. */
  readonly without?: readonly string[];
  /** All other schemas of the same value are applied by this one. */
  readonly isWhole?: boolean;
}

export class SchemaDocument {
  readonly root: Part;
  /** The name of the schema in messages. */
  readonly where: string;
  #anchors: Map<string, Part> | null = null;

  /** Throws LlamaError (usage) for a schema that is too large. */
  constructor(root: unknown, where: string) {
    this.where = where;
    this.#measure(root);
    this.root = this.part(root, "");
  }

  /** Throws LlamaError (usage) for what is no schema. */
  part(schema: unknown, pointer: string): Part {
    if (typeof schema === "boolean" || isObject(schema)) return { schema, pointer };
    throw this.error(pointer, "is not a schema", { expected: "an object, true or false" });
  }

  error(
    pointer: string,
    problem: string,
    details: { expected?: string; found?: string; fix?: string } = {},
  ): LlamaError {
    return new LlamaError("usage", problem, { where: `${this.where} ${shortened(`#${pointer}`)}`, ...details });
  }

  unsupported(
    pointer: string,
    keyword: string,
    details: { expected?: string; found?: string; fix?: string } = {},
  ): LlamaError {
    return this.error(`${pointer}/${escaped(keyword)}`, `${quoted(keyword)} is not supported here`, details);
  }

  /** What a reference in the schema at `pointer` refers to. Throws LlamaError (usage) for what is not in this document. */
  resolve(reference: unknown, pointer: string): Part {
    const at = `${pointer}/$ref`;
    if (typeof reference !== "string") throw this.error(at, "is not a reference", { expected: "a string" });
    const { schema } = this.root;
    const id = typeof schema === "object" ? schema.$id : undefined;
    const local =
      typeof id === "string" && id !== "" && reference.startsWith(id) ? reference.slice(id.length) : reference;
    const found = quoted(reference);
    if (local !== "" && !local.startsWith("#")) {
      throw this.error(at, "refers to another document", {
        expected: "a reference within the schema, as #/$defs/name",
        found,
      });
    }
    const fragment = decode(local.slice(1));
    const target = fragment === "" || fragment.startsWith("/") ? this.#at(fragment) : this.#anchor(fragment);
    if (target === null) throw this.error(at, "refers to what is not in the schema", { found });
    return target;
  }

  #at(pointer: string): Part | null {
    let value: unknown = this.root.schema;
    for (const step of pointer.split("/").slice(1)) {
      const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
      if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return null;
      value = (value as Record<string, unknown>)[key];
    }
    return this.part(value, pointer);
  }

  #anchor(name: string): Part | null {
    if (this.#anchors === null) {
      this.#anchors = new Map();
      const queue: [unknown, string][] = [[this.root.schema, ""]];
      for (const [value, pointer] of queue) {
        if (typeof value !== "object" || value === null) continue;
        const { $anchor, $id } = value as Record<string, unknown>;
        for (const one of [$anchor, typeof $id === "string" && $id.startsWith("#") ? $id.slice(1) : null]) {
          if (typeof one === "string" && isObject(value)) this.#anchors.set(one, { schema: value, pointer });
        }
        for (const [key, inner] of Object.entries(value)) queue.push([inner, `${pointer}/${escaped(key)}`]);
      }
    }
    return this.#anchors.get(name) ?? null;
  }

  #measure(root: unknown): void {
    let nodes = 0;
    let characters = 0;
    const queue: [unknown, number][] = [[root, 0]];
    for (const [value, depth] of queue) {
      if (typeof value === "string") characters += value.length;
      if (depth > MAX_DEPTH) throw this.error("", "is nested too deeply", { expected: `at most ${MAX_DEPTH} levels` });
      if (++nodes > MAX_NODES || characters > MAX_CHARACTERS) {
        throw this.error("", "is too large", {
          expected: `at most ${MAX_NODES} values and ${MAX_CHARACTERS} characters`,
        });
      }
      if (typeof value !== "object" || value === null) continue;
      for (const [key, inner] of Object.entries(value)) {
        characters += key.length;
        queue.push([inner, depth + 1]);
      }
    }
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A key as a step of a JSON pointer. */
export function escaped(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

function shortened(pointer: string): string {
  return pointer.length <= 120 ? pointer : `${pointer.slice(0, 60)}...${pointer.slice(-50)}`;
}

function decode(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}
