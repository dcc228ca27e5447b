/**
 * Makes @huggingface/jinja render as Jinja with transformers' settings does, within limits: scopes of loops, Python's texts and
 * methods, errors for undefined values. Replaces methods of the library's interpreter, whose version is fixed for that reason.
 */
import type * as Jinja from "@huggingface/jinja";
import { contains, FILTERS, type FilterCall, itemsOf, kindOf, test } from "./filters.js";
import type { Limits } from "./limits.js";
import { TEXT_METHODS } from "./text-methods.js";
import {
  areEqual,
  isInteger,
  isList,
  isMapping,
  isNumber,
  isText,
  isUndefined,
  textOf,
  type Value,
  Values,
} from "./values.js";

type Environment = Jinja.Environment;

/** A node of the library's syntax tree; which fields it has follows from its type. */
interface Node {
  type: string;
  value: string;
  operator: { value: string };
  left: Node;
  right: Node;
  object: Node;
  property: Node;
  computed: boolean;
  loopvar: Node & { value: string | Node[] };
  iterable: Node;
  lhs: Node;
  body: Node[];
  defaultBlock: Node[];
  callee: Node;
  args: Node[];
  operand: Node;
  negate: boolean;
  test: Node;
}

/** The methods of the library's interpreter that are used or replaced here. */
interface Inner {
  evaluate(node: Node, environment: Environment): Value;
  evaluateArguments(args: Node[], environment: Environment): [Value[], Map<string, Value>];
  evaluateSliceExpression(object: Value, node: Node, environment: Environment): Value;
  evaluateBinaryExpression(node: Node, environment: Environment): Value;
  evaluateCallExpression(node: Node, environment: Environment): Value;
  applyFilter(operand: Value, filter: Node, environment: Environment): Value;
}

/** {% break %} and {% continue %}, with what the iteration has written before. */
class LoopControl extends Error {
  written = "";
  readonly isLast: boolean;

  constructor(isLast: boolean) {
    super();
    this.isLast = isLast;
  }
}

export function createInterpreter(jinja: typeof Jinja, environment: Environment, limits: Limits): Jinja.Interpreter {
  const interpreter = new jinja.Interpreter(environment);
  // The prototype's methods, for what stays.
  const library = interpreter as unknown as Inner;
  const original = {
    evaluate: library.evaluate.bind(library),
    binary: library.evaluateBinaryExpression.bind(library),
    call: library.evaluateCallExpression.bind(library),
    filter: library.applyFilter.bind(library),
  };
  const values = new Values(() => new jinja.Environment());
  const context = { values, limits };

  const evaluate = (node: Node, scope: Environment): Value => {
    limits.step();
    if (node?.type === "Break" || node?.type === "Continue") throw new LoopControl(node.type === "Break");
    const value = original.evaluate(node, scope);
    if (isText(value)) limits.characters(value.value.length);
    else if (isList(value)) limits.items(value.value.length);
    return value;
  };

  const block = (nodes: readonly Node[], scope: Environment): Value => {
    let written = "";
    for (const node of nodes) {
      try {
        const value = evaluate(node, scope);
        if (!isStatement(node)) written += textOf(value, limits);
        else if (isText(value)) written += value.value;
      } catch (error) {
        if (error instanceof LoopControl) error.written = written + error.written;
        throw error;
      }
    }
    return values.of(written);
  };

  /** Each iteration has a scope of its own: what it sets is gone in the next. */
  const loop = (node: Node, scope: Environment): Value => {
    const { iterable, loopvar } = node;
    const isFiltered = iterable.type === "SelectExpression";
    const bind = (item: Value): Environment => {
      const inner = new jinja.Environment(scope);
      if (typeof loopvar.value === "string") set(inner, loopvar.value, item);
      else {
        const names = loopvar.value as unknown as Node[];
        const parts = itemsOf(item, context);
        if (parts.length !== names.length) throw new Error(`expected ${names.length} values, found ${parts.length}`);
        for (const [i, { value }] of names.entries()) set(inner, value, parts[i]!);
      }
      return inner;
    };
    const all = itemsOf(evaluate(isFiltered ? iterable.lhs : iterable, scope), context);
    const items = isFiltered ? all.filter((item) => evaluate(iterable.test, bind(item)).__bool__().value) : all;
    let written = "";
    for (const [i, item] of items.entries()) {
      limits.step();
      const inner = bind(item);
      set(inner, "loop", loopState(items, i));
      try {
        written += block(node.body, inner).value;
      } catch (error) {
        if (!(error instanceof LoopControl)) throw error;
        written += error.written;
        if (error.isLast) break;
      }
    }
    return items.length === 0 ? block(node.defaultBlock, new jinja.Environment(scope)) : values.of(written);
  };

  const loopState = (items: readonly Value[], i: number): Value =>
    values.mapping([
      ["index", values.of(i + 1)],
      ["index0", values.of(i)],
      ["revindex", values.of(items.length - i)],
      ["revindex0", values.of(items.length - i - 1)],
      ["first", values.of(i === 0)],
      ["last", values.of(i === items.length - 1)],
      ["length", values.of(items.length)],
      ["previtem", items[i - 1] ?? values.of(undefined)],
      ["nextitem", items[i + 1] ?? values.of(undefined)],
      ["cycle", values.callable((args) => args[i % args.length] ?? values.of(undefined))],
    ]);

  const binary = (node: Node, scope: Environment): Value => {
    const operator = node.operator.value;
    if (["and", "or"].includes(operator)) return original.binary(node, scope);
    const left = evaluate(node.left, scope);
    const right = evaluate(node.right, scope);
    if (operator === "==" || operator === "!=") return values.of(areEqual(left, right, limits) === (operator === "=="));
    if (operator === "~") return values.of(textOf(left, limits) + textOf(right, limits));
    if (operator === "in" || operator === "not in")
      return values.of(contains(right, left, limits) === (operator === "in"));
    for (const [side, value] of [[node.left, left] as const, [node.right, right] as const]) {
      if (isUndefined(value)) throw new Error(`${nameOf(side)} is undefined`);
    }
    if (isText(left) && isText(right)) {
      if (operator === "+") return values.of(left.value + right.value);
      const order = left.value < right.value ? -1 : left.value > right.value ? 1 : 0;
      const holds = { "<": order < 0, ">": order > 0, "<=": order <= 0, ">=": order >= 0 }[operator];
      if (holds !== undefined) return values.of(holds);
    }
    if (operator === "*") {
      const [many, times] = isInteger(left) ? [right, left] : [left, right];
      if (isInteger(times) && isText(many)) return values.of(repeated(many.value, times.value, limits));
    }
    if (operator === "%" && isInteger(left) && isInteger(right) && right.value !== 0)
      return values.of(((left.value % right.value) + right.value) % right.value);
    if (operator === "+" && (isText(left) || isText(right)))
      throw new Error(`${kindOf(left)} and ${kindOf(right)} cannot be added`);
    if ((operator === "/" || operator === "//" || operator === "%") && isNumber(right) && right.value === 0)
      throw new Error("division by zero");
    return original.binary({ ...node, left: known(left), right: known(right) }, scope);
  };

  const member = (node: Node, scope: Environment): Value => {
    const object = evaluate(node.object, scope);
    if (isUndefined(object)) throw new Error(`${nameOf(node.object)} is undefined`);
    const { property } = node;
    if (node.computed && property.type === "SliceExpression")
      return library.evaluateSliceExpression(object, property, scope);
    const key = node.computed ? evaluate(property, scope) : values.of(property.value);
    if (isInteger(key)) {
      const item = isList(object) ? object.value.at(key.value) : undefined;
      if (!isText(object)) return item ?? values.of(undefined);
      return values.of([...object.value].at(key.value));
    }
    if (!isText(key)) return values.of(undefined);
    const method = isText(object) ? TEXT_METHODS.get(key.value) : undefined;
    if (method && isText(object)) {
      const text = object.value;
      return values.callable((args) => values.of(method(text, args.map(plain), limits)));
    }
    const own = (object.value as Map<string, Value> | null)?.get;
    const item = typeof own === "function" ? (object.value as Map<string, Value>).get(key.value) : undefined;
    // Python's lists and texts have no attribute `length`.
    const attribute = isMapping(object) ? object.builtins.get(key.value) : undefined;
    return item ?? attribute ?? values.of(undefined);
  };

  const call = (node: Node, scope: Environment): Value => {
    const callee = evaluate(node.callee, scope);
    if (callee.type !== "FunctionValue") {
      throw new Error(`${nameOf(node.callee)} ${isUndefined(callee) ? "is undefined" : "is not a function"}`);
    }
    return original.call({ ...node, callee: known(callee) }, scope);
  };

  const applyFilter = (operand: Value, filter: Node, scope: Environment): Value => {
    const name = filter.type === "CallExpression" ? filter.callee.value : filter.value;
    const own = FILTERS.get(name === "d" ? "default" : name);
    if (!own) return original.filter(operand, filter, scope);
    const [args, named] =
      filter.type === "CallExpression" ? library.evaluateArguments(filter.args, scope) : [[], new Map<string, Value>()];
    const apply: FilterCall["apply"] = (other, value, rest) => {
      const known = FILTERS.get(other)?.(value, { args: rest, named: new Map(), values, limits, apply });
      if (known === undefined) throw new Error(`no filter named '${other}'`);
      return known;
    };
    return own(operand, { args, named, values, limits, apply }) ?? original.filter(operand, filter, scope);
  };

  const testing = (node: Node, scope: Environment): Value =>
    values.of(test(node.test.value, evaluate(node.operand, scope), [], limits) !== node.negate);

  const dispatch = (node: Node, scope: Environment): Value =>
    node?.type === "Known" ? (node as unknown as { known: Value }).known : evaluate(node, scope);

  Object.assign(interpreter, {
    evaluate: dispatch,
    evaluateBlock: block,
    evaluateFor: loop,
    evaluateBinaryExpression: binary,
    evaluateMemberExpression: member,
    evaluateCallExpression: call,
    evaluateTestExpression: testing,
    applyFilter,
  });
  return interpreter;
}

/** A node whose value is there. */
function known(value: Value): Node {
  return { type: "Known", known: value } as unknown as Node;
}

/** Statements write texts, or nothing; expressions write whatever they are. */
function isStatement({ type }: Node): boolean {
  return ["Set", "If", "For", "Macro", "CallStatement", "FilterStatement", "Comment", "Program"].includes(type);
}

/** An argument as plain data. */
function plain(value: Value): string | number | boolean | null | string[] | undefined {
  if (isList(value)) return value.value.map(({ value }) => String(value));
  if (isMapping(value)) throw new Error("named arguments of this method are not known");
  return value.value as string | number | boolean | null | undefined;
}

function repeated(text: string, times: number, limits: Limits): string {
  limits.characters(text.length * Math.max(times, 0));
  return text.repeat(Math.max(times, 0));
}

function set(scope: Environment, name: string, value: Value): void {
  scope.setVariable(name, value as Parameters<Environment["setVariable"]>[1]);
}

/** How the template names a value, for messages. */
function nameOf(node: Node): string {
  if (node.type === "Identifier") return `'${node.value}'`;
  if (node.type !== "MemberExpression") return "a value";
  const { property } = node;
  const isNamed = !node.computed || property.type === "StringLiteral";
  return isNamed ? `'${property.value}'` : "an item";
}
