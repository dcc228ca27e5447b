/** pass@k of programs that somebody else has run (Chen et al. 2021, "Evaluating Large Language Models Trained on Code"). Runs nothing. */

/** The probability that at least one of k programs, drawn from n of which c are right, is right: 1 - C(n-c, k) / C(n, k). */
export function passAtK(n: number, c: number, k: number): number {
  if (n - c < k) return 1;
  let allWrong = 1;
  for (let i = n - c + 1; i <= n; i++) allWrong *= 1 - k / i;
  return 1 - allWrong;
}
