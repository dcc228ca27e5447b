/** Compiles a form: its grammar, checked, as a machine. Does not know tokens. */
import { LlamaError } from "../../error.js";
import { checkForm, FORM_KEYS, type Form } from "./form.js";
import { readGrammar } from "./grammar/ebnf.js";
import { choice, type Expression, type Grammar } from "./grammar/grammar.js";
import { checkGrammar, pruned } from "./grammar/grammar-check.js";
import { readRegex } from "./grammar/regex.js";
import { Machine } from "./machine.js";
import { SchemaGrammar } from "./schema/schema-grammar.js";
import { States } from "./states.js";
import { tagGrammar } from "./tags.js";

/** Throws LlamaError (usage) that names what is wrong, or not supported, and where. */
export function compileForm(form: Form): States {
  const key = checkForm(form);
  try {
    const grammar = grammarOf(form);
    checkGrammar(grammar);
    return new States(new Machine(pruned(grammar)));
  } catch (error) {
    // The stack of the program bounds how deep a form may be.
    if (!(error instanceof RangeError)) throw error;
    throw new LlamaError("usage", "is nested too deeply", { where: FORM_KEYS[key], cause: error });
  }
}

function grammarOf(form: Form): Grammar {
  if ("grammar" in form) return readGrammar(form.grammar);
  if ("regex" in form) return ofExpression(regexExpression(form.regex));
  if ("structuralTag" in form) return tagGrammar(form.structuralTag);
  const grammar = new SchemaGrammar("jsonSchema" in form ? form.jsonSchema : { type: "object" }, "json_schema");
  return { rules: grammar.rules, root: grammar.root };
}

function ofExpression(expression: Expression): Grammar {
  return { rules: new Map([["root", expression]]), root: "root" };
}

/** What a regular expression matches as a whole: with or without ^ and $ at its ends. */
export function regexExpression(source: string, where = "regex"): Expression {
  return choice(...readRegex(source, where).map(({ inner }) => inner));
}

/** Throws LlamaError (usage) for a schema that no answer can be bound to; `where`: its name in the message. */
export function checkSchema(schema: object | boolean, where: string): void {
  const { rules, root } = new SchemaGrammar(schema, where);
  checkGrammar({ rules, root });
}
