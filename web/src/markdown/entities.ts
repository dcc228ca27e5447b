/** Reads the character references that models write in text, such as &amp;lt; and &amp;#39;. Does not know Markdown. */

const NAMES: Record<string, string> = {
  ...{
    amp: "&",
    lt: "<",
    gt: ">",
    quot: '"',
    apos: "'",
    nbsp: "\u00a0",
    copy: "\u00a9",
    reg: "\u00ae",
    trade: "\u2122",
  },
  ...{
    hellip: "\u2026",
    mdash: "\u2014",
    ndash: "\u2013",
    lsquo: "\u2018",
    rsquo: "\u2019",
    ldquo: "\u201c",
    rdquo: "\u201d",
  },
  ...{
    times: "\u00d7",
    deg: "\u00b0",
    euro: "\u20ac",
    larr: "\u2190",
    rarr: "\u2192",
    le: "\u2264",
    ge: "\u2265",
    ne: "\u2260",
  },
};

/** Replaces the references that are known; others stay as they are. The result is text, never markup. */
export function readEntities(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w{2,8}));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return Object.hasOwn(NAMES, name) ? NAMES[name]! : whole;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    const isCharacter = code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    return isCharacter ? String.fromCodePoint(code) : "\ufffd";
  });
}
