/**
 * Compares answers of MATH as texts in LaTeX, by the rules of its makers (Hendrycks et al. 2021) as lm-evaluation-harness'
 * hendrycks_math has them. Does not compute.
 */

/** Thrown where Python's code fails: answers are then compared as they are. */
class UnreadableAnswer extends Error {}

/** Whether two answers are the same after both have been written in one way. */
export function sameMathAnswer(a: string, b: string): boolean {
  try {
    return plainAnswer(a) === plainAnswer(b);
  } catch (error) {
    if (error instanceof UnreadableAnswer) return a === b;
    throw error;
  }
}

/** What is between the first and the last dollar sign; the whole text with fewer than two. */
export function dollarAnswer(text: string): string {
  const [first, last] = [text.indexOf("$"), text.lastIndexOf("$")];
  return first === last ? text : text.slice(first + 1, last);
}

/** The answer in the last \boxed or \fbox of a solution; null without one that ends. */
export function boxedAnswer(solution: string): string | null {
  const spaced = "\\boxed ";
  if (solution.includes(spaced)) return solution.split(spaced).at(-1)!.split("$")[0]!;
  const boxed = solution.lastIndexOf("\\boxed");
  const start = boxed < 0 ? solution.lastIndexOf("\\fbox") : boxed;
  if (start < 0) return null;
  let open = 0;
  for (let at = start; at < solution.length; at++) {
    if (solution[at] === "{") open++;
    if (solution[at] !== "}" || --open !== 0) continue;
    // An \fbox is found, but its answer is not taken out, as in the makers' code.
    return solution.startsWith("\\boxed{", start) ? solution.slice(start + "\\boxed{".length, at) : null;
  }
  return null;
}

/** strip_string of the makers' code */
function plainAnswer(answer: string): string {
  let text = answer.replaceAll("\n", "").replaceAll("\\!", "").replaceAll("\\\\", "\\");
  text = text.replaceAll("tfrac", "frac").replaceAll("dfrac", "frac");
  for (const mark of ["\\left", "\\right", "^{\\circ}", "^\\circ", "\\$"]) text = text.replaceAll(mark, "");
  text = withoutUnits(text).replaceAll("\\%", "").replaceAll(" .", " 0.").replaceAll("{.", "{0.");
  if (text === "") return text;
  if (text.startsWith(".")) text = `0${text}`;
  const sides = text.split("=");
  if (sides.length === 2 && [...sides[0]!].length <= 2) text = sides[1]!;
  text = bracedFractions(bracedRoots(text).replaceAll(" ", ""));
  return simpleFraction(text === "0.5" ? "\\frac{1}{2}" : text);
}

/** Units are in a \text at the end. */
function withoutUnits(text: string): string {
  const parts = text.split("\\text{ ");
  if (parts.length > 2) throw new UnreadableAnswer();
  return parts[0]!;
}

/** \sqrt3 as \sqrt{3} */
function bracedRoots(text: string): string {
  const [start, ...roots] = text.split("\\sqrt");
  return (
    start! +
    roots
      .map((root) => {
        const [first, ...rest] = root;
        if (first === undefined) throw new UnreadableAnswer();
        return `\\sqrt${first === "{" ? root : `{${first}}${rest.join("")}`}`;
      })
      .join("")
  );
}

/** \frac12 as \frac{1}{2}, \frac1{72} as \frac{1}{72}; the text as it is if a fraction has one character. */
function bracedFractions(text: string): string {
  const [start, ...fractions] = text.split("\\frac");
  const parts: string[] = [start!];
  for (const fraction of fractions) {
    const [a, b, ...rest] = fraction;
    if (a === undefined) throw new UnreadableAnswer();
    if (a === "{") parts.push(`\\frac${fraction}`);
    else if (b === undefined) return text;
    else parts.push(`\\frac{${a}}${b === "{" ? b : `{${b}}`}${rest.join("")}`);
  }
  return parts.join("");
}

/** What Python's int() reads. */
const INTEGER = /^[+-]?\p{Nd}+(?:_\p{Nd}+)*$/u;
const PLAIN_INTEGER = /^(?:0|-?[1-9][0-9]*)$/;

/** 1/2 as \frac{1}{2} */
function simpleFraction(text: string): string {
  const sides = text.split("/");
  if (sides.length !== 2) return text;
  if (!sides.every((side) => INTEGER.test(side))) throw new UnreadableAnswer();
  return sides.every((side) => PLAIN_INTEGER.test(side)) ? `\\frac{${sides[0]}}{${sides[1]}}` : text;
}
