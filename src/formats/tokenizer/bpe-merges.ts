/** Reads the merges of a byte-pair model, which are names, as ids. Does not know how they are applied. */
import { LlamaError } from "../../error.js";
import { showValue } from "../files/json-value.js";

/**
 * Three ids for each merge, most important first: the left and the right token, and the one that they become. A merge is a pair
 * of names, or both in one text with a space between them. Throws a LlamaError for one that is not of tokens and to a token.
 */
export function readMerges(
  path: string,
  { vocab, merges }: { vocab: ReadonlyMap<string, number>; merges: readonly unknown[] },
): Int32Array {
  const ids = new Int32Array(3 * merges.length);
  for (let rank = 0; rank < merges.length; rank++) {
    const merge = merges[rank];
    const [left, right] = typeof merge === "string" ? halves(merge) : Array.isArray(merge) ? merge : [];
    const [first, second, whole] = [vocab.get(left), vocab.get(right), vocab.get(`${left}${right}`)];
    if (first === undefined || second === undefined || whole === undefined) {
      throw new LlamaError("model", "has a merge that is not of two tokens to a third", {
        ...{ where: path, expected: "two tokens", found: showValue(merge) },
        fix: "The file is damaged: copy or download it again",
      });
    }
    ids[3 * rank] = first;
    ids[3 * rank + 1] = second;
    ids[3 * rank + 2] = whole;
  }
  return ids;
}

/** No token of such a file contains a space. */
function halves(merge: string): [string, string] {
  const space = merge.indexOf(" ");
  return [merge.slice(0, Math.max(0, space)), merge.slice(space + 1)];
}
