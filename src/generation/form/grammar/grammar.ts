/** Grammars as trees: texts, sets of characters, sequences, choices, repetitions and rules. Does not know how they are written or run. */
import type { CodePoints } from "./code-points.js";

export type Expression =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "set"; readonly set: CodePoints }
  | { readonly kind: "sequence"; readonly parts: readonly Expression[] }
  | { readonly kind: "choice"; readonly options: readonly Expression[] }
  | { readonly kind: "repeat"; readonly of: Expression; readonly least: number; readonly most: number }
  | { readonly kind: "rule"; readonly name: string };

export interface Grammar {
  readonly rules: ReadonlyMap<string, Expression>;
  /** The name of the rule that a whole text is. */
  readonly root: string;
}

export const EMPTY: Expression = { kind: "text", text: "" };
/** What no text is. */
export const NOTHING: Expression = { kind: "choice", options: [] };

export function text(value: string): Expression {
  return { kind: "text", text: value };
}

export function set(points: CodePoints): Expression {
  return { kind: "set", set: points };
}

export function rule(name: string): Expression {
  return { kind: "rule", name };
}

/** Parts in turn; a string is a text. */
export function sequence(...parts: readonly (Expression | string)[]): Expression {
  const all = parts.map((part) => (typeof part === "string" ? text(part) : part));
  const rest = all.filter((part) => part.kind !== "text" || part.text !== "");
  return rest.length === 1 ? rest[0]! : rest.length === 0 ? EMPTY : { kind: "sequence", parts: rest };
}

export function choice(...options: readonly (Expression | string)[]): Expression {
  const all = options.map((option) => (typeof option === "string" ? text(option) : option));
  return all.length === 1 ? all[0]! : { kind: "choice", options: all };
}

export function repeat(of: Expression, least: number, most: number = Number.POSITIVE_INFINITY): Expression {
  return least === 1 && most === 1 ? of : { kind: "repeat", of, least, most };
}

export function optional(of: Expression): Expression {
  return repeat(of, 0, 1);
}
