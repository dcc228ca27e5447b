/** A text as its tokens, coloured by their probability; each opens its most likely alternatives. */
import type { Alternative, Token } from "../state/types.js";

export interface TokenTextProps {
  tokens: readonly Token[];
  /** What a screen reader calls it. */
  label: string;
  /** Continues with another token at this place; absent: no branching now. */
  onBranch?: ((index: number, choice: Alternative) => void) | undefined;
}

export function TokenText({ tokens, label }: TokenTextProps) {
  return (
    <section class="tokens" aria-label={label}>
      {tokens.map(({ text }) => text)}
    </section>
  );
}
