/** Titles of the days in the history. */

const DAY_MS = 86_400_000;

/** The title for a time, or null if the entry before has the same one. */
export function dayOf(time: number, before: number | undefined): string | null {
  const title = titleOf(time);
  return before !== undefined && titleOf(before) === title ? null : title;
}

function titleOf(time: number): string {
  const midnight = new Date().setHours(0, 0, 0, 0);
  if (time >= midnight) return "Today";
  if (time >= midnight - DAY_MS) return "Yesterday";
  if (time >= midnight - 7 * DAY_MS) return "Last week";
  return new Date(time).toLocaleDateString("en", { month: "long", year: "numeric" });
}
