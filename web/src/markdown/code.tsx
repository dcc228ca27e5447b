/** A block of code with its language and a button that copies it. */
import type { ComponentChildren, VNode } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { highlight } from "./highlight.js";

/** How long the button says that it has copied. */
const SAID_MS = 1500;

/** Milliseconds of colouring, above which code that grows is coloured only when it pauses. */
const SLOW_MS = 10;
const PAUSE_MS = 300;

function useHighlight(text: string, language: string): ComponentChildren {
  const spent = useRef(0);
  const [paused, setPaused] = useState(text);
  const isSlow = spent.current > SLOW_MS;
  useEffect(() => {
    const timer = isSlow ? setTimeout(() => setPaused(text), PAUSE_MS) : undefined;
    return () => clearTimeout(timer);
  }, [text, isSlow]);
  return useMemo(() => {
    if (isSlow && paused !== text) return text;
    const start = performance.now();
    const drawn = highlight(text, language);
    spent.current = performance.now() - start;
    return drawn;
  }, [text, language, isSlow && paused]);
}

export function CodeBlock({ text, language }: { text: string; language: string }): VNode {
  const code = useHighlight(text, language);
  const [said, setSaid] = useState("Copy");
  const copy = async () => {
    // Browsers give the clipboard to https and localhost alone.
    const isCopied = await (navigator.clipboard?.writeText(text) ?? Promise.reject()).then(
      () => true,
      () => false,
    );
    setSaid(isCopied ? "Copied" : "Not allowed here");
    setTimeout(() => setSaid("Copy"), SAID_MS);
  };
  return (
    <figure class="md-code">
      <figcaption>
        <span>{language || "text"}</span>
        <button type="button" class="quiet" onClick={copy}>
          {said}
        </button>
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long lines are scrolled with the keyboard */}
      <pre tabIndex={0}>
        <code>{code}</code>
      </pre>
    </figure>
  );
}
