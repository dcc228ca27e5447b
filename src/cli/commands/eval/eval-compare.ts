/** `eval compare`: compares two outputs on the same documents. */
export async function compareOutputs(_a: string, _b: string, _flags: unknown): Promise<number> {
  return 0;
}
