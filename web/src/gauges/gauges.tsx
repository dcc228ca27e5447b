/** What the model does, in numbers: tokens of the prompt, reused, context, speed, place in the queue. Reads the state. */
import type { ComponentChildren, VNode } from "preact";
import { useEffect } from "preact/hooks";
import { count, rate, seconds } from "./amounts.js";
import "./gauges.css";
import { type Reading, reading } from "./reading.js";
import { followTyping } from "./typed-tokens.js";

export function Gauges(): VNode {
  useEffect(followTyping, []);
  const now = reading.value;
  return (
    <div class="gauges">
      <Context {...now} />
      <Progress {...now} />
      <dl>
        {now.prompt !== null && now.phase !== null && <Gauge name="Prompt">{count(now.prompt)} tokens</Gauge>}
        {now.reused !== null && (
          <Gauge name="Reused" title="Tokens of the prompt whose keys and values the server still had">
            {count(now.reused)}
          </Gauge>
        )}
        {now.firstTokenMs !== null && (
          <Gauge name="First token" isWide>
            {seconds(now.firstTokenMs)}
          </Gauge>
        )}
        {now.rate !== null && <Gauge name="Speed">{rate(now.rate)}</Gauge>}
        {now.made !== null && (
          <Gauge name="Written" isWide>
            {count(now.made)}
          </Gauge>
        )}
      </dl>
    </div>
  );
}

interface GaugeProps {
  name: string;
  title?: string;
  /** Only where there is width for it. */
  isWide?: boolean;
  children: ComponentChildren;
}

function Gauge({ name, title, isWide = false, children }: GaugeProps): VNode {
  return (
    <div title={title} class={isWide ? "only-wide" : undefined}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** How full the context is. */
function Context({ used, context }: Reading): VNode | null {
  if (used === null || context === null) return null;
  const isNearlyFull = used > 0.9 * context;
  return (
    <div class={`gauge-context${isNearlyFull ? " full" : ""}`}>
      <meter id="gauge-context" min={0} max={context} value={Math.min(used, context)} aria-label="Context used" />
      <span>
        {count(used)} of {count(context)}
        {isNearlyFull ? ": nearly full" : ""}
      </span>
    </div>
  );
}

/** What an answer waits for. */
function Progress({ phase }: Reading): VNode | null {
  if (phase?.kind === "queued") {
    return (
      <p class="gauge-wait">
        Place {phase.position + 1} of {Math.max(phase.of, phase.position + 1)} in the queue
      </p>
    );
  }
  if (phase?.kind !== "prompt" || phase.total === 0) return null;
  const { done, total } = phase;
  return (
    <div class="gauge-wait">
      <progress max={total} value={done} aria-label="Prompt read" />
      <span>
        Reading the prompt: {count(done)} of {count(total)}
      </span>
    </div>
  );
}
