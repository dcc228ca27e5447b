/** The icons of the page, drawn with lines in the colour of the text. Hidden from screen readers: the button has a name. */

const PATHS = {
  menu: "M3 5h14M3 10h14M3 15h14",
  chat: "M4 4h12v9H9l-4 3v-3H4z",
  text: "M4 5h12M4 9h12M4 13h8",
  plus: "M10 4v12M4 10h12",
  search: "M9 15A6 6 0 1 0 9 3a6 6 0 0 0 0 12Zm4.5-1.5L17 17",
  sliders: "M3 6h7m4 0h3M3 14h3m4 0h7M12 4v4M8 12v4",
  send: "M10 16V4m0 0L5 9m5-5 5 5",
  stop: "M6 6h8v8H6z",
  copy: "M7 7V4h9v9h-3M4 7h9v9H4z",
  edit: "M4 16h3l8.5-8.5-3-3L4 13zM11 6l3 3",
  again: "M15.5 7A6 6 0 1 0 16 11M16 3v4h-4",
  forward: "M4 5l6 5-6 5zM11 5l6 5-6 5z",
  trash: "M4 6h12M8 6V4h4v2m-6 0 .7 10h6.6L14 6",
  left: "M12 5l-5 5 5 5",
  right: "M8 5l5 5-5 5",
  close: "M5 5l10 10M15 5 5 15",
  undo: "M4 8h8a4 4 0 0 1 0 8H8M4 8l3.5-3.5M4 8l3.5 3.5",
  redo: "M16 8H8a4 4 0 0 0 0 8h4M16 8l-3.5-3.5M16 8l-3.5 3.5",
  download: "M10 3v10m0 0-4-4m4 4 4-4M4 17h12",
  upload: "M10 13V3m0 0L6 7m4-4 4 4M4 17h12",
  code: "M7 6l-4 4 4 4m6-8 4 4-4 4",
  more: "M4.5 10h.01M10 10h.01M15.5 10h.01",
  tokens: "M3 6h4v8H3zM9 6h3v8H9zM14 6h3v8h-3z",
  help: "M7.5 7.5a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.1.9-1.1 1.8M10 14.5h.01",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
