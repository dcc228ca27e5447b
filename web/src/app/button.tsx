/** Buttons with an icon: the name is read aloud, and shown as a hint. */
import { Icon, type IconName } from "./icons.js";

interface IconButtonProps {
  icon: IconName;
  /** What it does. */
  name: string;
  /** The key that does the same. */
  keys?: string;
  onClick: () => void;
  isOff?: boolean;
  /** For a switch. */
  isPressed?: boolean;
  /** For a button that opens something. */
  isExpanded?: boolean;
  opens?: "history" | "panel";
  class?: string;
}

export function IconButton({
  icon,
  name,
  keys,
  onClick,
  isOff = false,
  isPressed,
  isExpanded,
  opens,
  class: more,
}: IconButtonProps) {
  return (
    <button
      type="button"
      class={`icon-button ${more ?? ""}`}
      aria-label={name}
      title={keys ? `${name} (${keys})` : name}
      aria-pressed={isPressed}
      aria-expanded={isExpanded}
      data-opens={opens}
      disabled={isOff}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}
