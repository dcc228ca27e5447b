/** Structural tags as grammars: free text in which triggers begin parts that are bound, for tools. Does not know tokens. */
import { LlamaError } from "../../error.js";
import type { Tag, TagFormat } from "./form.js";
import { complement, pointsOf } from "./grammar/code-points.js";
import { readGrammar } from "./grammar/ebnf.js";
import {
  choice,
  EMPTY,
  type Expression,
  type Grammar,
  optional,
  repeat,
  rule,
  sequence,
  set,
  text,
} from "./grammar/grammar.js";
import { readRegex } from "./grammar/regex.js";
import { SchemaGrammar } from "./schema/schema-grammar.js";

const MAX_DEPTH = 50;
/** Characters of all triggers together. */
const MAX_TRIGGERS = 2000;

/** Throws LlamaError (usage) for what is wrong in a part, or not supported. */
export function tagGrammar(format: TagFormat): Grammar {
  const tags = new Tags();
  tags.rules.set("root", tags.expression(format, 0));
  return { rules: tags.rules, root: "root" };
}

class Tags {
  readonly rules = new Map<string, Expression>();
  #count = 0;

  expression(format: TagFormat, depth: number): Expression {
    if (depth > MAX_DEPTH) throw wrong("is nested too deeply", format);
    const inner = (one: TagFormat) => this.expression(one, depth + 1);
    switch (format?.type) {
      case "const_string":
        return text(format.value);
      case "any_text":
        return repeat(set(complement([])), 0);
      case "regex":
        return choice(...readRegex(format.pattern, "structural_tag: regex").map((one) => one.inner));
      case "json_schema":
        return this.#rules((prefix) => new SchemaGrammar(format.json_schema, "json_schema", prefix));
      case "grammar":
        return this.#grammar(format.grammar);
      case "sequence":
        return sequence(...format.elements.map(inner));
      case "or":
        return choice(...format.elements.map(inner));
      case "tag":
        return this.#tag(format, depth);
      case "tags_with_separator": {
        const tag = choice(...format.tags.map((one) => this.#tag(one, depth)));
        const name = this.#name();
        this.rules.set(name, tag);
        const more = format.stop_after_first ? EMPTY : repeat(sequence(format.separator, rule(name)), 0);
        const all = sequence(rule(name), more);
        return format.at_least_one ? all : optional(all);
      }
      case "triggered_tags":
        return this.#triggered(format, depth);
      default:
        throw wrong("is not a known part", format);
    }
  }

  #tag({ begin, content, end }: Tag, depth: number): Expression {
    return sequence(begin, this.expression(content, depth + 1), end);
  }

  /** Free text without a trigger, then a tag, and so on. */
  #triggered(format: TagFormat & { type: "triggered_tags" }, depth: number): Expression {
    const { triggers, tags, at_least_one = false, stop_after_first = false } = format;
    if (triggers.length === 0 || triggers.includes("") || triggers.join("").length > MAX_TRIGGERS) {
      throw wrong("needs triggers that are not empty", format);
    }
    const begun = triggers.map((trigger) => {
      const own = tags.filter(({ begin }) => begin.startsWith(trigger));
      const bodies = own.map((tag) => this.#tag({ ...tag, begin: tag.begin.slice(trigger.length) }, depth));
      return { trigger, body: choice(...bodies) };
    });
    const [once, again] = [this.#name(), this.#name()];
    const tagged = this.#text(begun, stop_after_first ? null : again);
    this.rules.set(once, tagged.required);
    this.rules.set(again, tagged.optional);
    return rule(at_least_one ? once : again);
  }

  /** Texts that no trigger is in, up to a trigger and what follows it (Aho and Corasick's automaton, over characters). */
  #text(begun: readonly { trigger: string; body: Expression }[], next: string | null) {
    const prefixes = new Set(begun.flatMap(({ trigger }) => Array.from(trigger, (_, i) => trigger.slice(0, i))));
    for (const { trigger } of begun)
      if (Array.from(trigger).length !== trigger.length) throw wrong("needs triggers of simple characters", trigger);
    const states = [...prefixes];
    const characters = [...new Set(begun.flatMap(({ trigger }) => [...trigger]))];
    const others = set(complement(pointsOf(characters.join(""))));
    const make = (mayEnd: boolean): Expression => {
      const names = new Map(states.map((state) => [state, this.#name()]));
      for (const state of states) {
        const options = characters.map((character) => {
          const read = state + character;
          const found = begun.find(({ trigger }) => read.endsWith(trigger));
          if (found) return sequence(character, found.body, ...(next === null ? [] : [rule(next)]));
          const to = suffixes(read).find((one) => prefixes.has(one))!;
          return sequence(character, rule(names.get(to)!));
        });
        const all = choice(...(mayEnd ? [EMPTY] : []), sequence(others, rule(names.get("")!)), ...options);
        this.rules.set(names.get(state)!, all);
      }
      return rule(names.get("")!);
    };
    return { required: make(false), optional: make(true) };
  }

  #grammar(source: string): Expression {
    const { rules, root } = readGrammar(source);
    const prefix = `${this.#name()}.`;
    const renamed = (expression: Expression): Expression => {
      switch (expression.kind) {
        case "rule":
          return rule(prefix + expression.name);
        case "sequence":
          return { ...expression, parts: expression.parts.map(renamed) };
        case "choice":
          return { ...expression, options: expression.options.map(renamed) };
        case "repeat":
          return { ...expression, of: renamed(expression.of) };
        default:
          return expression;
      }
    };
    for (const [name, expression] of rules) this.rules.set(prefix + name, renamed(expression));
    return rule(prefix + root);
  }

  #rules(make: (prefix: string) => SchemaGrammar): Expression {
    const { rules, root } = make(`${this.#name()}.`);
    for (const [name, expression] of rules) this.rules.set(name, expression);
    return rule(root);
  }

  #name(): string {
    return `t${this.#count++}`;
  }
}

function suffixes(read: string): string[] {
  return Array.from({ length: read.length + 1 }, (_, i) => read.slice(i));
}

function wrong(problem: string, part: unknown): LlamaError {
  return new LlamaError("usage", problem, {
    where: "structural_tag",
    found: (JSON.stringify(part) ?? "nothing").slice(0, 60),
  });
}
