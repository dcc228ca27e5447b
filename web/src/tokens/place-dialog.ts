/** Puts a dialog beside an element: below it, or above where there is more room. On narrow screens the style sheet places it. */

/** Widths up to which dialogs lie at the lower edge. */
const NARROW = "(max-width: 640px)";
const GAP = 6;
const MARGIN = 8;

export function placeDialog(dialog: HTMLElement, anchor: Element | null): void {
  const { style } = dialog;
  if (!anchor || matchMedia(NARROW).matches) {
    style.left = "";
    style.top = "";
    // What the dialog is about stays in sight above it.
    const isHidden = anchor && anchor.getBoundingClientRect().bottom > dialog.getBoundingClientRect().top;
    if (isHidden) anchor.scrollIntoView({ block: "start" });
    return;
  }
  // A token that breaks over two lines has two boxes: the dialog belongs to the first.
  const box = anchor.getClientRects()[0] ?? anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = dialog;
  const { innerWidth, innerHeight } = window;
  const left = Math.max(MARGIN, Math.min(box.left - 12, innerWidth - width - MARGIN));
  const below = box.bottom + GAP;
  const isBelow = below + height <= innerHeight - MARGIN || box.top < innerHeight - box.bottom;
  const top = isBelow ? Math.min(below, innerHeight - height - MARGIN) : box.top - GAP - height;
  style.left = `${left}px`;
  style.top = `${Math.max(MARGIN, top)}px`;
}
