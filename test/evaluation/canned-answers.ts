/** Answers made from hashes of requests, as oracle.py makes them: the same for the same request. */
import { createHash } from "node:crypto";
import type { Doc, EvalRequest, EvalResponse } from "../../src/evaluation/tasks/task.js";

export const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

const numberOf = (text: string) => Number.parseInt(sha256(text).slice(0, 6), 16);
const characters = (text: string) => [...text].length;

/** The answers to the requests of a document. */
export function cannedAnswers(requests: readonly EvalRequest[], doc: Doc): EvalResponse[] {
  return requests.map(({ kind, context, continuation }, i) => {
    if (kind === "rolling")
      return { logLikelihood: -1.5 * characters(context) - (numberOf(context) % 100), greedy: false };
    if (kind === "generate") {
      const texts = variants(doc);
      return { text: texts[numberOf(`${context}|${i}`) % texts.length]! };
    }
    const number = numberOf(`${context}|${continuation}`);
    return { logLikelihood: -(number % 400) / 10 - 0.25 * characters(continuation), greedy: number % 2 === 0 };
  });
}

/** Texts around the right answer, some of them right by one rule or another. */
function variants({ answer = "0", solution }: Doc): string[] {
  if (solution !== undefined) {
    const g = answer as string;
    return [
      ...[
        g,
        ` ${g}`,
        `$${g}$`,
        `It is $${g}$.`,
        `$a$ or $${g}$`,
        g.replaceAll("\\dfrac", "\\frac"),
        g.replaceAll("frac", "tfrac"),
      ],
      ...[
        `k=${g}`,
        `\\left${g}\\right`,
        "\\frac{1}{2}",
        "1/2",
        "5",
        "\\sqrt{3}",
        "\\sqrt",
        "\\frac3{4}",
        "\\frac34",
        "\\frac3",
        "\\frac",
      ],
      ...["2/3", "a/b", "+2/3", "02/3", "1\\text{ m}\\text{ s}", "3 ", "$5", "10", "12^{\\circ}", "0.5", " .5", ""],
    ];
  }
  const gold =
    typeof answer === "object" && !Array.isArray(answer) ? (answer as { aliases: string[] }).aliases : answer;
  if (Array.isArray(gold)) {
    const g = gold.at(-1) as string;
    return [
      ...[` ${gold[0]}`, `the ${g.toUpperCase()}!`, " nobody", `\u2003A ${g.toLowerCase()} `, `${g}s`, `The  ${g}`],
      ...[`an ${g}'s`, ` ${swapCase(g)}\0`, "A the"],
    ];
  }
  const n = (gold as string).split(/\s+/).at(-1)!;
  return [
    ...[` so\n#### ${n}`, ` the answer is $${n}.00.`, ` ${n}, or 7`, `#### ${n},000. Or ${n}`, " none."],
    ...[`The answer is ${n}. Is it -${n}`, `The answer is ${n}`, `The answer is ${n}.\nThe answer is 3.`],
    ...[`#### -${n}.\n#### 5`, `$${n}`, `The answer is $5. #### ${n}\n`, ""],
  ];
}

/** str.swapcase() */
function swapCase(text: string): string {
  const swapped = [...text].map((one) => (one === one.toUpperCase() ? one.toLowerCase() : one.toUpperCase()));
  return swapped.join("");
}
