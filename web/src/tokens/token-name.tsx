/** A token by itself: its spaces and line ends are seen, and a screen reader says them in words. */
import { spoken, visible } from "./texts.js";

export function TokenName({ name }: { name: string }) {
  return (
    <span class="token-name">
      <span class="unseen">{spoken(name)}</span>
      <span aria-hidden="true">{visible(name)}</span>
    </span>
  );
}
