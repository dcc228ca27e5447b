/** Which addresses a text may link to, and how they are shown. Does not know elements. */
import { readEntities } from "./entities.js";

const PROTOCOLS = ["http:", "https:", "mailto:"];
/** Characters of an address that are shown beside a link. */
const MAX_SHOWN = 60;

/** The address in its plain form, in which a look-alike name of a host is seen; null if nothing may link to it. */
export function safeAddress(href: string): string | null {
  let url: URL;
  try {
    // No base: an address without a protocol would be one of this page.
    url = new URL(readEntities(href));
  } catch {
    return null;
  }
  return PROTOCOLS.includes(url.protocol) ? url.href : null;
}

/** The address as text for the reader; null if the link's own words say it already. */
export function shownAddress(address: string, words: string): string | null {
  const bare = (text: string) => text.replace(/^(https?:\/\/|mailto:)/i, "").replace(/\/$/, "");
  if (bare(words.trim()) === bare(address)) return null;
  const shown = bare(address);
  return shown.length > MAX_SHOWN ? `${shown.slice(0, MAX_SHOWN - 1)}…` : shown;
}
