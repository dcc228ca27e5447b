/** What the window is like, as signals. */
import { type Signal, signal } from "@preact/signals";

function matches(query: string): Signal<boolean> {
  const list = matchMedia(query);
  const found = signal(list.matches);
  list.addEventListener("change", () => {
    found.value = list.matches;
  });
  return found;
}

/** There is no place for the history beside the text. */
export const isNarrow = matches("(max-width: 860px)");
/** There is no place for the parameters beside the text. */
export const isTight = matches("(max-width: 1120px)");
/** The keyboard is on the screen: Enter breaks the line. */
export const isTouch = matches("(pointer: coarse)");
