/** Draws the blocks of Markdown as elements, by a table. A kind that is not in it, such as HTML, is shown as it was written. */
import type { Token, Tokens } from "marked";
import type { ComponentChildren, VNode } from "preact";
import { CodeBlock } from "./code.js";
import { inline, MAX_DEPTH, TaskMark } from "./inline.js";

type Draw<T> = (token: T, depth: number) => ComponentChildren;

const TABLE: Record<string, Draw<never>> = {
  space: () => null,
  // An address with a name, which the links have used.
  def: () => null,
  hr: () => <hr />,
  paragraph: ({ tokens }: Tokens.Paragraph) => <p>{inline(tokens)}</p>,
  text: (token: Tokens.Text) => (token.tokens ? inline(token.tokens) : token.text),
  checkbox: ({ checked }: Tokens.Checkbox) => <TaskMark isDone={checked} />,
  heading: ({ depth, tokens }: Tokens.Heading) => <Heading depth={depth}>{inline(tokens)}</Heading>,
  code: ({ text, lang = "" }: Tokens.Code) => <CodeBlock text={text} language={lang.split(/[\s,{]/)[0]!} />,
  blockquote: ({ tokens }: Tokens.Blockquote, depth) => <blockquote>{blocks(tokens, depth)}</blockquote>,
  list: (token: Tokens.List, depth) => <List list={token} depth={depth} />,
  table: (token: Tokens.Table) => <Table table={token} />,
};

export function blocks(tokens: readonly Token[], depth = 0): ComponentChildren {
  return tokens.map((token) => block(token, depth));
}

export function block(token: Token, depth = 0): ComponentChildren {
  const draw = depth < MAX_DEPTH && Object.hasOwn(TABLE, token.type) ? (TABLE[token.type] as Draw<Token>) : null;
  return draw ? draw(token, depth + 1) : <p class="md-raw">{token.raw.replace(/\n+$/, "")}</p>;
}

/** The page's own headings are h1 and h2; a text's begin below them. */
function Heading({ depth, children }: { depth: number; children: ComponentChildren }): VNode {
  const Name = `h${Math.min(6, depth + 2)}` as "h3";
  return <Name class={`md-h${depth}`}>{children}</Name>;
}

function List({ list, depth }: { list: Tokens.List; depth: number }): VNode {
  const items = list.items.map(({ tokens, task }, i) => (
    <li key={i} class={task ? "md-task" : undefined}>
      {blocks(tokens, depth)}
    </li>
  ));
  return list.ordered ? <ol start={Number(list.start) || undefined}>{items}</ol> : <ul>{items}</ul>;
}

function Table({ table: { header, rows } }: { table: Tokens.Table }): VNode {
  const cell = ({ tokens, align, header: isHead }: Tokens.TableCell, i: number) => {
    const Name = isHead ? "th" : "td";
    return (
      <Name key={i} class={align ? `md-${align}` : undefined} scope={isHead ? "col" : undefined}>
        {inline(tokens)}
      </Name>
    );
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table is scrolled with the keyboard
    <div class="md-scroll" tabIndex={0}>
      <table>
        <thead>
          <tr>{header.map(cell)}</tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={i}>{row.map(cell)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
