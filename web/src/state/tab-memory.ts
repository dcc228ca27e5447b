/** What this tab remembers until it closes: texts by names. Where the browser forbids its store, they last until a reload. */

const held = new Map<string, string>();

export function recall(name: string): string | null {
  try {
    return sessionStorage.getItem(name);
  } catch {
    return held.get(name) ?? null;
  }
}

/** Null forgets it. */
export function remember(name: string, text: string | null): void {
  try {
    if (text === null) sessionStorage.removeItem(name);
    else sessionStorage.setItem(name, text);
  } catch {
    if (text === null) held.delete(name);
    else held.set(name, text);
  }
}
