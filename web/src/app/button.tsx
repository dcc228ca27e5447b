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
      disabled={isOff}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}
