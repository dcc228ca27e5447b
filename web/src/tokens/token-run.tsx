/** A stretch of tokens in the running text. It is drawn again only if one of its own has changed. */
import { Component, type VNode } from "preact";
import type { Token } from "../state/types.js";
import { LEVELS, levelOf, percent } from "./measure.js";
import { type Piece, spoken, visible } from "./texts.js";

export interface TokenRunProps {
  tokens: readonly Token[];
  pieces: readonly Piece[];
  /** Index of the first one in the whole text. */
  from: number;
  /** Begins the ids of the elements. */
  idPrefix: string;
  /** Index in the whole text of the token that the keys are at; -1: not in this stretch. */
  active: number;
}

export class TokenRun extends Component<TokenRunProps> {
  override shouldComponentUpdate({ tokens, from, active }: TokenRunProps): boolean {
    const old = this.props;
    if (active !== old.active || from !== old.from || tokens.length !== old.tokens.length) return true;
    return tokens.some((token, i) => token !== old.tokens[i]);
  }

  override render({ tokens, pieces, from, idPrefix, active }: TokenRunProps): VNode {
    return (
      <span role="presentation">
        {tokens.map((token, i) => {
          const index = from + i;
          return (
            <TokenSpan
              key={index}
              token={token}
              piece={pieces[i]!}
              id={`${idPrefix}${index}`}
              isActive={index === active}
            />
          );
        })}
      </span>
    );
  }
}

interface TokenSpanProps {
  token: Token;
  piece: Piece;
  id: string;
  isActive: boolean;
}

function TokenSpan({ token, piece, id, isActive }: TokenSpanProps): VNode {
  const level = levelOf(token);
  const chance = token.logprob === null ? "probability not known" : percent(token.logprob);
  const words = level === null ? "" : `, ${LEVELS[level]!.words}`;
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus and names the active one
    <span
      id={id}
      role="option"
      aria-selected={isActive}
      aria-label={`${named(token, piece)}, ${chance}${words}`}
      title={hint(token, chance)}
      class={`token level-${level ?? "none"}${isActive ? " active" : ""}${piece.mark ? " mark" : ""}`}
    >
      {textOf(piece)}
    </span>
  );
}

/** Likely tokens that a hint names. */
const NAMED = 3;

function hint({ id, top }: Token, chance: string): string {
  const others = top.filter((one) => one.id !== id).slice(0, NAMED);
  const names = others.map(({ text, logprob }) => `${visible(text)} ${percent(logprob)}`);
  return names.length === 0 ? chance : `${chance}; or ${names.join(", ")}`;
}

function named({ text }: Token, { mark }: Piece): string {
  return text === "" ? `${mark ?? ""}, no text` : spoken(text);
}

/** Line ends are seen, and break the line. */
function textOf({ text, mark }: Piece) {
  if (mark) return mark === "part" ? "▪" : mark;
  if (!text.includes("\n")) return text;
  return text.split(/(\n)/).map((part) => (part === "\n" ? [<i class="line-end">↵</i>, "\n"] : part));
}
