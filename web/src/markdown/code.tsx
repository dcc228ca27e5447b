/** A block of code with its language and a button that copies it. */
import type { VNode } from "preact";
import { useMemo, useState } from "preact/hooks";
import { highlight } from "./highlight.js";

/** How long the button says that it has copied. */
const SAID_MS = 1500;

export function CodeBlock({ text, language }: { text: string; language: string }): VNode {
  const code = useMemo(() => highlight(text, language), [text, language]);
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
