/** What else could be at a place of a text: the most likely tokens with bars; each of them can be chosen. Does not know the server. */
import type { VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { IconButton } from "../app/button.js";
import type { Alternative, Token } from "../state/types.js";
import { percent, rankOf, restOf } from "./measure.js";
import { placeDialog } from "./place-dialog.js";
import { spoken, visible } from "./texts.js";
import { TokenName } from "./token-name.js";

export interface AlternativesProps {
  token: Token;
  /** Place in the text, from 0, and how many there are. */
  index: number;
  count: number;
  /** The element of the token. */
  anchor: () => Element | null;
  /** Continues with another token; absent: that cannot be done now. */
  onChoose?: ((choice: Alternative) => void) | undefined;
  /** Looks at the token this many places further. */
  onMove: (by: number) => void;
  /** With the place of a click beside it, if there was one. */
  onClose: (at?: { x: number; y: number }) => void;
}

export function Alternatives({ token, index, count, anchor, onChoose, onMove, onClose }: AlternativesProps): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const { current } = dialog;
    // A modal one lies above everything, also above what clips the text below.
    if (current && !current.open) current.showModal();
    return () => current?.close();
  }, []);
  useLayoutEffect(() => {
    const place = () => dialog.current && placeDialog(dialog.current, anchor());
    place();
    const frame = requestAnimationFrame(place);
    window.addEventListener("resize", place);
    document.addEventListener("scroll", place, { capture: true, passive: true });
    return () => {
      cancelAnimationFrame(frame);
      window.removeEventListener("resize", place);
      document.removeEventListener("scroll", place, { capture: true });
    };
  }, [index]);
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const line = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step !== undefined) onMove(step);
    else if (line !== undefined) moveFocus(dialog.current!, line);
    else return;
    event.preventDefault();
  };
  return (
    <dialog
      ref={dialog}
      class="alternatives"
      aria-label={`Token ${index + 1} of ${count}: ${spoken(token.text)}`}
      onKeyDown={onKeyDown}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        // The backdrop belongs to the dialog.
        if (event.target === dialog.current) onClose({ x: event.clientX, y: event.clientY });
      }}
    >
      <div class="alternatives-body">
        <Head token={token} index={index} count={count} onMove={onMove} onClose={onClose} />
        <ol>
          {token.top.map((choice) => (
            <li key={choice.id}>
              <Row choice={choice} isOwn={choice.id === token.id} onChoose={onChoose} />
            </li>
          ))}
        </ol>
        <Foot token={token} canChoose={onChoose !== undefined} />
      </div>
    </dialog>
  );
}

type HeadProps = Pick<AlternativesProps, "token" | "index" | "count" | "onMove" | "onClose">;

function Head({ token, index, count, onMove, onClose }: HeadProps): VNode {
  const rank = rankOf(token);
  const chance = token.logprob === null ? "" : `, ${percent(token.logprob)}`;
  return (
    <header>
      <div>
        <p class="alternatives-token">{visible(token.text)}</p>
        <p class="note">
          token {index + 1} of {count}
          {rank === null ? chance : rank === 1 ? ", the most likely" : `, number ${rank} of the likely`}
        </p>
      </div>
      <div class="alternatives-moves">
        <IconButton icon="left" name="Token before" isOff={index === 0} onClick={() => onMove(-1)} />
        <IconButton icon="right" name="Next token" isOff={index === count - 1} onClick={() => onMove(1)} />
        <IconButton icon="close" name="Close" onClick={() => onClose()} />
      </div>
    </header>
  );
}

interface RowProps {
  choice: Alternative;
  isOwn: boolean;
  onChoose: ((choice: Alternative) => void) | undefined;
}

function Row({ choice, isOwn, onChoose }: RowProps): VNode {
  const chance = percent(choice.logprob);
  const canChoose = onChoose !== undefined && !isOwn && choice.id >= 0;
  return (
    <button
      type="button"
      class={`alternative${isOwn ? " own" : ""}`}
      aria-current={isOwn}
      aria-disabled={!canChoose}
      onClick={() => canChoose && onChoose(choice)}
    >
      <TokenName name={choice.text} />
      <span class="alternative-bar">
        <span style={{ width: `${(100 * Math.exp(choice.logprob)).toFixed(2)}%` }} />
      </span>
      <span class="alternative-chance">
        {chance}
        <span class="unseen">{isOwn ? ", in the text" : canChoose ? ", continue with it" : ""}</span>
      </span>
    </button>
  );
}

function Foot({ token, canChoose }: { token: Token; canChoose: boolean }): VNode {
  const rest = restOf(token);
  if (rest === null) {
    const why = token.logprob === null ? "The first token has no probability." : "";
    return <footer class="note">{why || "The server has not said what else was likely here."}</footer>;
  }
  return (
    <footer class="note">
      <span>all other tokens together: {rest < 0.0005 ? "< 0.1 %" : `${(100 * rest).toFixed(1)} %`}</span>
      <span>{canChoose ? "Choose one: the text continues from there." : ""}</span>
    </footer>
  );
}

function moveFocus(dialog: HTMLDialogElement, by: number): void {
  const rows = [...dialog.querySelectorAll<HTMLButtonElement>("button.alternative")];
  const at = rows.indexOf(document.activeElement as HTMLButtonElement);
  rows[at < 0 ? 0 : (at + by + rows.length) % rows.length]?.focus();
}
