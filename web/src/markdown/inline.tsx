/** Draws the parts of a line of Markdown as elements, by a table. HTML is text, an image is a link. */
import type { Token, Tokens } from "marked";
import type { ComponentChildren, VNode } from "preact";
import { safeAddress, shownAddress } from "./address.js";
import { readEntities } from "./entities.js";

type Draw<T> = (token: T, depth: number) => ComponentChildren;

/** Parts within parts; what is deeper is shown as it was written. */
export const MAX_DEPTH = 24;

const TABLE: Record<string, Draw<never>> = {
  escape: ({ text }: Tokens.Escape) => text,
  text: (token: Tokens.Text, depth) => (token.tokens ? inline(token.tokens, depth) : readEntities(token.text)),
  strong: ({ tokens }: Tokens.Strong, depth) => <strong>{inline(tokens, depth)}</strong>,
  em: ({ tokens }: Tokens.Em, depth) => <em>{inline(tokens, depth)}</em>,
  del: ({ tokens }: Tokens.Del, depth) => <del>{inline(tokens, depth)}</del>,
  codespan: ({ text }: Tokens.Codespan) => <code>{text}</code>,
  br: () => <br />,
  checkbox: ({ checked }: Tokens.Checkbox) => <TaskMark isDone={checked} />,
  link: ({ href, text, tokens }: Tokens.Link, depth) => (
    <Link href={href} words={text}>
      {inline(tokens, depth)}
    </Link>
  ),
  image: ({ href, text }: Tokens.Image) => (
    <Link href={href} words="">
      image{text === "" ? "" : `: ${readEntities(text)}`}
    </Link>
  ),
};

/** The parts of a line. A kind that is not in the table, such as HTML, is shown as it was written. */
export function inline(tokens: readonly Token[] | undefined, depth = 0): ComponentChildren {
  return (tokens ?? []).map((token) => {
    const draw = depth < MAX_DEPTH && Object.hasOwn(TABLE, token.type) ? (TABLE[token.type] as Draw<Token>) : null;
    return draw ? draw(token, depth + 1) : token.raw;
  });
}

/** A link that does not say where it was clicked, followed by its address; only text if the address is not allowed. */
function Link({ href, words, children }: { href: string; words: string; children: ComponentChildren }): VNode {
  const address = safeAddress(href);
  if (address === null) {
    return (
      <span class="md-nolink">
        {children} ({href})
      </span>
    );
  }
  const shown = shownAddress(address, readEntities(words));
  return (
    <a href={address} title={address} target="_blank" rel="noopener noreferrer nofollow">
      {children}
      {shown !== null && <span class="md-address"> ({shown})</span>}
    </a>
  );
}

export function TaskMark({ isDone }: { isDone: boolean }): VNode {
  return (
    <span role="img" aria-label={isDone ? "done" : "to do"}>
      {isDone ? "☑" : "☐"}{" "}
    </span>
  );
}
