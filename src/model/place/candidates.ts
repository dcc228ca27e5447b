/** Lists paths that the user may have meant, the first few of them. */
import { firstFew } from "../../formats/files/amounts.js";

/** "a", "a or b", "a, b, c and 13 more" */
export function listed(paths: readonly string[]): string {
  return paths.length <= 3 ? paths.join(" or ") : firstFew(paths);
}
