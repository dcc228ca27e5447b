/** A text as its tokens, coloured by their probability; each opens its most likely alternatives. */
import type { VNode } from "preact";
import { useId, useMemo, useRef, useState } from "preact/hooks";
import type { Alternative, Token } from "../state/types.js";
import { Alternatives } from "./alternatives.js";
import { Legend } from "./legend.js";
import { isFork } from "./measure.js";
import { piecesOf } from "./texts.js";
import { TokenRun } from "./token-run.js";
import { TokenTable } from "./token-table.js";
import "./alternatives.css";
import "./tokens.css";

export interface TokenTextProps {
  tokens: readonly Token[];
  /** What a screen reader calls it. */
  label: string;
  /** Continues with another token at this place; absent: no branching now. */
  onBranch?: ((index: number, choice: Alternative) => void) | undefined;
}

/** Tokens that are drawn again together. */
const RUN = 64;
const MOVES: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, Home: Number.NEGATIVE_INFINITY, End: Infinity };

export function TokenText({ tokens, label, onBranch }: TokenTextProps): VNode {
  const id = `${useId()}-`;
  const list = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState(0);
  const [opened, setOpened] = useState<{ index: number; from: Element | null } | null>(null);
  const [isList, setIsList] = useState(false);
  const pieces = useMemo(() => piecesOf(tokens.map(({ text }) => text)), [tokens]);
  const element = (index: number) => list.current?.querySelector(`#${CSS.escape(`${id}${index}`)}`) ?? null;
  const go = (index: number) => {
    const to = Math.max(0, Math.min(tokens.length - 1, index));
    setActive(to);
    element(to)?.scrollIntoView({ block: "nearest" });
    return to;
  };
  const open = (index: number, from: Element | null = null) => setOpened({ index: go(index), from });
  const close = (at?: { x: number; y: number }) => {
    setOpened(null);
    const index = at && list.current ? tokenAt(list.current, at, id) : null;
    if (index !== null && index !== opened?.index) open(index);
    else if (opened?.from instanceof HTMLElement) opened.from.focus();
    else list.current?.focus();
  };
  const onFork = (by: 1 | -1) => {
    const length = tokens.length;
    for (let i = 1; i <= length; i++) {
      const index = (((active + i * by) % length) + length) % length;
      if (isFork(tokens[index]!)) return open(index);
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" || event.key === " ") open(active);
    else if (event.key in MOVES) go(active + MOVES[event.key]!);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const shown = opened && tokens[opened.index];
  return (
    <div class="tokens">
      <Legend tokens={tokens} isList={isList} onList={setIsList} onFork={onFork} />
      {isList ? (
        <TokenTable tokens={tokens} label={label} onOpen={open} />
      ) : (
        <div
          ref={list}
          class={`token-flow${opened ? " opened" : ""}`}
          role="listbox"
          tabIndex={0}
          aria-label={`${label}, token by token`}
          aria-activedescendant={tokens.length > 0 ? `${id}${Math.min(active, tokens.length - 1)}` : undefined}
          onKeyDown={onKeyDown}
          onClick={({ target }) => {
            const index = indexOf(target as Element, id);
            if (index !== null) open(index);
          }}
        >
          {runs(tokens.length).map((from) => (
            <TokenRun
              key={from}
              tokens={tokens.slice(from, from + RUN)}
              pieces={pieces.slice(from, from + RUN)}
              from={from}
              idPrefix={id}
              active={active >= from && active < from + RUN ? active : -1}
            />
          ))}
        </div>
      )}
      {shown && (
        <Alternatives
          token={shown}
          index={opened.index}
          count={tokens.length}
          anchor={() => opened.from ?? element(opened.index)}
          onChoose={
            onBranch &&
            ((choice) => {
              setOpened(null);
              onBranch(opened.index, choice);
            })
          }
          onMove={(by) => open(opened.index + by)}
          onClose={close}
        />
      )}
    </div>
  );
}

function runs(length: number): number[] {
  return Array.from({ length: Math.ceil(length / RUN) }, (_, i) => i * RUN);
}

function indexOf(target: Element, idPrefix: string): number | null {
  const token = target.closest(".token");
  return token?.id.startsWith(idPrefix) ? Number(token.id.slice(idPrefix.length)) : null;
}

/** The token at a place of the window: a modal dialog hides it from the pointer. */
function tokenAt(list: Element, { x, y }: { x: number; y: number }, idPrefix: string): number | null {
  for (const token of list.querySelectorAll(".token")) {
    for (const { left, right, top, bottom } of token.getClientRects()) {
      if (x >= left && x <= right && y >= top && y <= bottom) return indexOf(token, idPrefix);
    }
  }
  return null;
}
