/** Checks an object of options by a table of their types: unknown names, wrong types, unknown words. Does not know ranges. */
import { LlamaError } from "../../error.js";
import { showValue } from "../../formats/files/json-value.js";
import { quoted } from "../../formats/files/quoted.js";
import { similarName } from "./similar-name.js";
import { type Json, wrongType } from "./wrong-type.js";

export interface OptionType {
  /** For messages: "a number". */
  readonly type: string;
  isType(value: unknown): boolean;
  /** The only texts that are right, if a text is. */
  readonly words?: readonly string[];
}

/** A type for every option of T: the compiler finds an option that is missing in a table. */
export type OptionTypes<T> = { readonly [K in keyof Required<T>]: OptionType };

export const BOOLEAN: OptionType = { type: "true or false", isType: (value) => typeof value === "boolean" };
export const NUMBER: OptionType = { type: "a number", isType: (value) => typeof value === "number" };
export const TEXT: OptionType = { type: "a string", isType: (value) => typeof value === "string" };
export const FUNCTION: OptionType = { type: "a function", isType: (value) => typeof value === "function" };
export const NULL: OptionType = { type: "null", isType: (value) => value === null };
export const LIST: OptionType = { type: "a list", isType: Array.isArray };
export const OBJECT: OptionType = {
  type: "an object",
  isType: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
};
export const SIGNAL: OptionType = {
  type: "an AbortSignal",
  // Not by its class, which differs between realms.
  isType: (value) => OBJECT.isType(value) && typeof (value as AbortSignal).aborted === "boolean",
};

export function oneOf(...words: readonly string[]): OptionType {
  return { type: words.join(", "), isType: (value) => words.includes(value as string), words };
}

/** A value of either type. */
export function either(one: OptionType, other: OptionType): OptionType {
  const words = [...(one.words ?? []), ...(other.words ?? [])];
  return {
    type: `${one.type} or ${other.type}`,
    isType: (value) => one.isType(value) || other.isType(value),
    ...(words.length > 0 && { words }),
  };
}

/**
 * Throws LlamaError (usage) that names the option, and for an unknown one the name that was probably meant. An option that is
 * undefined counts as left out.
 */
export function checkOptions<T extends object>(
  options: T,
  types: Readonly<Record<string, OptionType>>,
  required: readonly (keyof T & string)[] = [],
): void {
  if (!OBJECT.isType(options)) throw wrongType("options", OBJECT.type, options);
  for (const [name, value] of Object.entries(options as Json)) {
    if (!Object.hasOwn(types, name)) throw unknownOption(name, Object.keys(types));
    const type = types[name]!;
    if (value === undefined || type.isType(value)) continue;
    if (type.words === undefined || typeof value !== "string") throw wrongType(name, type.type, value);
    throw new LlamaError("usage", "unknown value", { where: name, expected: type.type, found: showValue(value) });
  }
  for (const name of required) {
    if (options[name] === undefined) throw wrongType(name, types[name]!.type, undefined);
  }
}

function unknownOption(name: string, names: readonly string[]): LlamaError {
  const similar = similarName(name, names);
  const problem = `unknown option ${quoted(name)}`;
  if (similar === undefined) return new LlamaError("usage", problem, { expected: `one of ${names.join(", ")}` });
  return new LlamaError("usage", problem, { fix: `Did you mean ${similar}?` });
}
