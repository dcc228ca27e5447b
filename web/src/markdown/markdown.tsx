/** A text of the model, drawn from its Markdown. Does not know where the text comes from. */
import type { Token } from "marked";
import { Component, type ComponentChildren, type VNode } from "preact";
import { block } from "./blocks.js";
import "./code.css";
import { type Lexed, lex, lexMore } from "./lex.js";
import "./markdown.css";

export interface MarkdownProps {
  text: string;
  /** More text is to come: only the last blocks are read again. */
  isStreaming?: boolean;
}

/** Draws a block again only if it has changed: the same element twice is passed over. */
export class Markdown extends Component<MarkdownProps> {
  #lexed: Lexed | null = null;
  #drawn = new WeakMap<Token, ComponentChildren>();

  override shouldComponentUpdate({ text, isStreaming }: MarkdownProps): boolean {
    return text !== this.props.text || isStreaming !== this.props.isStreaming;
  }

  override render({ text, isStreaming }: MarkdownProps): VNode {
    this.#lexed = isStreaming ? lexMore(this.#lexed, text) : null;
    const tokens = this.#lexed?.blocks ?? lex(text);
    return <div class="markdown">{tokens.map((token) => this.#draw(token))}</div>;
  }

  #draw(token: Token): ComponentChildren {
    let drawn = this.#drawn.get(token);
    if (drawn === undefined) {
      drawn = block(token);
      this.#drawn.set(token, drawn);
    }
    return drawn;
  }
}
