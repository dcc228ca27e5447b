/** A column beside the text; where there is no place for it, a dialog over the text. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { IconButton } from "./button.js";

interface SideProps {
  side: "left" | "right";
  title: string;
  isOpen: boolean;
  /** Over the text. */
  isOver: boolean;
  onClose: () => void;
  children: ComponentChildren;
}

export function Side({ side, title, isOpen, isOver, onClose, children }: SideProps) {
  if (!isOpen) return null;
  const head = (
    <div class="side-head">
      <h2>{title}</h2>
      <IconButton icon="close" name={`Close: ${title}`} onClick={onClose} />
    </div>
  );
  if (isOver) {
    return (
      <OverSide side={side} title={title} onClose={onClose}>
        {head}
        {children}
      </OverSide>
    );
  }
  return (
    <aside class={`side is-${side}`} aria-label={title}>
      {head}
      {children}
    </aside>
  );
}

type OverSideProps = Pick<SideProps, "side" | "title" | "onClose" | "children">;

function OverSide({ side, title, onClose, children }: OverSideProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Esc closes a dialog
    <dialog
      ref={dialog}
      class={`side is-${side} is-over`}
      aria-label={title}
      onClose={onClose}
      onClick={({ target }) => target === dialog.current && onClose()}
    >
      {children}
    </dialog>
  );
}
