/** `eval report`: writes results as one page. */
export async function reportPage(_results: readonly string[], _flags: unknown): Promise<number> {
  return 0;
}
