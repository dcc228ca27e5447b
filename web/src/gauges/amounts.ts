/** Amounts for the reader: counts, times, rates. Does not know what they are of. */

/** A count with its thousands apart. */
export function count(value: number): string {
  return value.toLocaleString("en");
}

export function seconds(milliseconds: number): string {
  if (milliseconds < 995) return `${Math.round(milliseconds)} ms`;
  return milliseconds < 99_500 ? `${(milliseconds / 1000).toFixed(1)} s` : `${Math.round(milliseconds / 60_000)} min`;
}

export function rate(perSecond: number): string {
  return `${perSecond >= 9.95 ? Math.round(perSecond) : perSecond.toFixed(1)} tokens/s`;
}
