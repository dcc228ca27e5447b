/** How many characters the texts of an expression without rules have. */
import type { Expression } from "../grammar/grammar.js";

export interface Length {
  readonly least: number;
  readonly most: number;
}

export function lengthOf(expression: Expression): Length {
  switch (expression.kind) {
    case "text": {
      const length = Array.from(expression.text).length;
      return { least: length, most: length };
    }
    case "set":
      return { least: 1, most: 1 };
    case "sequence":
      return expression.parts
        .map(lengthOf)
        .reduce((sum, one) => ({ least: sum.least + one.least, most: sum.most + one.most }), {
          least: 0,
          most: 0,
        });
    case "choice": {
      const lengths = expression.options.map(lengthOf);
      return {
        least: Math.min(...lengths.map(({ least }) => least)),
        most: Math.max(...lengths.map(({ most }) => most)),
      };
    }
    case "repeat": {
      const { least, most } = lengthOf(expression.of);
      return {
        least: least * expression.least,
        most: most === 0 || expression.most === 0 ? 0 : most * expression.most,
      };
    }
    case "rule":
      return { least: 0, most: Number.POSITIVE_INFINITY };
  }
}
