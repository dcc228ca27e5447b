/** The turns that are shown, from the first; follows the end while it is in sight. Turns that have not changed are not drawn again. */
import { useSignalEffect } from "@preact/signals";
import type { VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { conversation, live, path, runningTurn } from "../state/store.js";
import { type TurnProps, TurnView } from "./turn.js";

/** The end is in sight if it is this near, in pixels. */
const NEAR = 80;

export function Log() {
  const scroll = useRef<HTMLElement>(null);
  const follows = useRef(true);
  const drawn = useRef(new Map<string, { props: TurnProps; node: VNode }>());
  const turns = path.value;
  const { leftOut } = conversation.value;
  const running = runningTurn.value;
  const follow = () => {
    const { current } = scroll;
    if (current && follows.current) current.scrollTop = current.scrollHeight;
  };
  useLayoutEffect(follow, [turns]);
  useSignalEffect(() => {
    if (live.value) requestAnimationFrame(follow);
  });
  const onScroll = () => {
    const { current } = scroll;
    if (current) follows.current = current.scrollHeight - current.scrollTop - current.clientHeight < NEAR;
  };
  /** The same node as before is the sign for the library to leave it as it is. */
  const draw = (props: TurnProps): VNode => {
    const { id } = props.turn;
    const before = drawn.current.get(id);
    if (before && isSame(before.props, props)) return before.node;
    const node = <TurnView key={id} {...props} />;
    drawn.current.set(id, { props, node });
    return node;
  };
  return (
    <section
      ref={scroll}
      class="scroll"
      role="log"
      aria-live="off"
      aria-label="Conversation"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be reached by the keyboard
      tabIndex={0}
      onScroll={onScroll}
    >
      <ol class="column turns">
        {turns.map((turn, i) =>
          draw({
            turn,
            isRunning: turn.id === running,
            isLeftOut: i < leftOut,
            isLast: i === turns.length - 1,
            isFirst: i === 0,
          }),
        )}
      </ol>
    </section>
  );
}

function isSame(a: TurnProps, b: TurnProps): boolean {
  return (Object.keys(a) as (keyof TurnProps)[]).every((name) => a[name] === b[name]);
}
