/** Checks of a grammar's rules: those that are missing, that begin with themselves, or that no text can end. Does not know how a grammar is written. */
import { LlamaError } from "../../../error.js";
import type { Expression, Grammar } from "./grammar.js";

/** Throws LlamaError (usage) that names the rule. */
export function checkGrammar(grammar: Grammar): void {
  const { rules, root } = grammar;
  const where = (name: string) => (name === root ? "form" : `form: rule ${name}`);
  for (const [name, expression] of rules) {
    for (const used of rulesIn(expression)) {
      if (!rules.has(used))
        throw new LlamaError("usage", `uses the rule ${used}, which is not defined`, { where: where(name) });
    }
  }
  const nullable = nullableRules(grammar);
  const firsts = new Map([...rules].map(([name, expression]) => [name, [...firstRules(expression, nullable)]]));
  const done = new Set<string>();
  for (const name of rules.keys()) {
    const circle = circleFrom(name, firsts, done);
    if (circle === null) continue;
    throw new LlamaError("usage", "begins with itself, so that it never reads a character", {
      where: where(circle),
      fix: "Write it as a repetition, or put something before it",
    });
  }
  if (!fixpoint(grammar, canEnd).has(root)) {
    throw new LlamaError("usage", "no text can be of this form", { where: "form" });
  }
}

/** A function that tells whether an expression of the grammar may be empty. */
export function nullableRules(grammar: Grammar): (expression: Expression) => boolean {
  const names = fixpoint(grammar, isNullable);
  return (expression) => isNullable(expression, names);
}

/** The rules for which a property holds that follows from that of the rules they use. */
function fixpoint(
  { rules }: Grammar,
  holds: (expression: Expression, names: ReadonlySet<string>) => boolean,
): Set<string> {
  const users = new Map<string, string[]>();
  for (const [name, expression] of rules) {
    for (const used of rulesIn(expression)) users.set(used, [...(users.get(used) ?? []), name]);
  }
  const names = new Set<string>();
  const queue = [...rules.keys()];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (names.has(name) || !holds(rules.get(name)!, names)) continue;
    names.add(name);
    queue.push(...(users.get(name) ?? []));
  }
  return names;
}

function isNullable(expression: Expression, names: ReadonlySet<string>): boolean {
  const all = (one: Expression) => isNullable(one, names);
  switch (expression.kind) {
    case "text":
      return expression.text === "";
    case "set":
      return false;
    case "sequence":
      return expression.parts.every(all);
    case "choice":
      return expression.options.some(all);
    case "rule":
      return names.has(expression.name);
    case "repeat":
      return expression.least === 0 || all(expression.of);
  }
}

function canEnd(expression: Expression, names: ReadonlySet<string>): boolean {
  const all = (one: Expression) => canEnd(one, names);
  switch (expression.kind) {
    case "text":
      return true;
    case "set":
      return expression.set.length > 0;
    case "sequence":
      return expression.parts.every(all);
    case "choice":
      return expression.options.some(all);
    case "rule":
      return names.has(expression.name);
    case "repeat":
      return expression.least === 0 || all(expression.of);
  }
}

/** The grammar without what no text can end: what is left can always be completed. */
export function pruned(grammar: Grammar): Grammar {
  const names = fixpoint(grammar, canEnd);
  const keep = (expression: Expression): Expression => {
    switch (expression.kind) {
      case "choice":
        return { kind: "choice", options: expression.options.filter((one) => canEnd(one, names)).map(keep) };
      case "sequence":
        return { kind: "sequence", parts: expression.parts.map(keep) };
      case "repeat":
        return canEnd(expression.of, names) ? { ...expression, of: keep(expression.of) } : { kind: "text", text: "" };
      default:
        return expression;
    }
  };
  const rules = [...grammar.rules].filter(([name]) => names.has(name) || name === grammar.root);
  return { ...grammar, rules: new Map(rules.map(([name, expression]) => [name, keep(expression)])) };
}

function* rulesIn(expression: Expression): Generator<string> {
  if (expression.kind === "rule") yield expression.name;
  else if (expression.kind === "repeat") yield* rulesIn(expression.of);
  else if (expression.kind === "sequence") for (const part of expression.parts) yield* rulesIn(part);
  else if (expression.kind === "choice") for (const option of expression.options) yield* rulesIn(option);
}

/** Rules with which an expression may begin. */
function* firstRules(expression: Expression, nullable: (one: Expression) => boolean): Generator<string> {
  if (expression.kind === "rule") yield expression.name;
  else if (expression.kind === "repeat") yield* firstRules(expression.of, nullable);
  else if (expression.kind === "choice") for (const option of expression.options) yield* firstRules(option, nullable);
  else if (expression.kind === "sequence") {
    for (const part of expression.parts) {
      yield* firstRules(part, nullable);
      if (!nullable(part)) return;
    }
  }
}

/** A rule on a circle that can be reached from `name`; rules in `done` are on none. */
function circleFrom(name: string, firsts: ReadonlyMap<string, readonly string[]>, done: Set<string>): string | null {
  const path = new Set<string>();
  const stack: { name: string; next: number }[] = [{ name, next: 0 }];
  while (stack.length > 0) {
    const top = stack.at(-1)!;
    if (top.next === 0) path.add(top.name);
    const next = done.has(top.name) ? undefined : firsts.get(top.name)![top.next++];
    if (next === undefined) {
      path.delete(top.name);
      done.add(top.name);
      stack.pop();
    } else if (path.has(next)) return next;
    else if (!done.has(next)) stack.push({ name: next, next: 0 });
  }
  return null;
}
