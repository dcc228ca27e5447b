/** Text of HTML and SVG: escaped values, elements, tables, numbers. Does not know what is shown. */

/** Markup that is ready, as opposed to a text that must be escaped. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Content = Markup | string | number | null | readonly Content[];

type Attributes = Readonly<Record<string, string | number | null>>;

export function escaped(text: string): string {
  const names: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  // Control characters are not allowed in a page.
  return text.replace(/[&<>"']/g, (one) => names[one]!).replace(/[^\P{Cc}\t\n]/gu, "\ufffd");
}

/** An element; attributes that are null are left out. */
export function element(name: string, attributes: Attributes, ...content: Content[]): Markup {
  const given = Object.entries(attributes).flatMap(([key, value]) =>
    value === null ? [] : [` ${key}="${escaped(typeof value === "number" ? coordinate(value) : value)}"`],
  );
  return new Markup(`<${name}${given.join("")}>${content.map(rendered).join("")}</${name}>`);
}

export function rendered(content: Content): string {
  if (content === null) return "";
  if (content instanceof Markup) return content.text;
  if (Array.isArray(content)) return content.map((one: Content) => rendered(one)).join("");
  return escaped(String(content));
}

/** A table with a head; columns of numbers are aligned right. */
export function table(
  head: readonly string[],
  rows: readonly (readonly Content[])[],
  numbers: readonly number[],
): Markup {
  const kind = (column: number) => ({ class: numbers.includes(column) ? "number" : null });
  const line = (cells: readonly Content[], name: string) =>
    element(
      "tr",
      {},
      cells.map((cell, i) => element(name, { ...kind(i), ...(name === "th" && { scope: "col" }) }, cell)),
    );
  const whole = element(
    "table",
    {},
    element("thead", {}, line(head, "th")),
    element(
      "tbody",
      {},
      rows.map((row) => line(row, "td")),
    ),
  );
  return element("div", { class: "scroll" }, whole);
}

/** A picture with a description for those who do not see it. */
export function picture(width: number, height: number, label: string, ...content: Content[]): Markup {
  const attributes = {
    viewBox: `0 0 ${width} ${Math.ceil(height)}`,
    role: "img",
    "aria-label": label,
    style: `max-width:${width}px`,
  };
  return element("svg", attributes, ...content);
}

function coordinate(value: number): string {
  return String(Math.round(value * 100) / 100);
}
