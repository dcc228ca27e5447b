/** What the shapes of types need of the grammar that they are a part of. */
import type { Expression } from "../grammar/grammar.js";
import type { Part, SchemaDocument } from "./schema-document.js";

export interface RuleMaker {
  readonly document: SchemaDocument;
  /** A value that all of these schemas describe. */
  value(parts: readonly Part[]): Expression;
  /** A string that all of these schemas describe: the key of a property. */
  key(parts: readonly Part[]): Expression;
  /** A name for a rule of its own. */
  newRule(expression?: Expression): string;
}
