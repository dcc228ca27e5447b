/** The tree of turns of a chat: the shown path, siblings, and adding. Changes nothing in place; does not know signals. */
import type { Conversation, Turn } from "./types.js";

type Tree = Pick<Conversation, "turns" | "chosen">;

/** Turns with the same parent, in their order. */
export function childrenOf({ turns }: Tree, parent: string | null): Turn[] {
  return turns.filter((turn) => turn.parent === parent);
}

/** The turns that are shown, from the first: at each place the chosen child, else the last one. */
export function shownPath(tree: Tree): Turn[] {
  const children = new Map<string | null, Turn[]>();
  for (const turn of tree.turns) {
    const siblings = children.get(turn.parent);
    if (siblings) siblings.push(turn);
    else children.set(turn.parent, [turn]);
  }
  const path: Turn[] = [];
  let parent: string | null = null;
  for (;;) {
    const siblings: Turn[] = children.get(parent) ?? [];
    const chosen: Turn | undefined = siblings.find(({ id }) => id === tree.chosen[parent ?? ""]) ?? siblings.at(-1);
    if (!chosen) return path;
    path.push(chosen);
    parent = chosen.id;
  }
}

/** The turns up to this one, from the first. */
export function pathTo({ turns }: Tree, id: string): Turn[] {
  const byId = new Map(turns.map((turn) => [turn.id, turn]));
  const path: Turn[] = [];
  for (let turn = byId.get(id); turn; turn = turn.parent === null ? undefined : byId.get(turn.parent))
    path.unshift(turn);
  return path;
}

/** Adds a turn and shows it. */
export function withTurn(tree: Tree, turn: Turn): Tree {
  return { turns: [...tree.turns, turn], chosen: { ...tree.chosen, [turn.parent ?? ""]: turn.id } };
}

/** Changes a turn. */
export function withChange(tree: Tree, id: string, change: Partial<Turn>): Tree {
  return { ...tree, turns: tree.turns.map((turn) => (turn.id === id ? { ...turn, ...change } : turn)) };
}

/** Removes a turn and all that follow it. */
export function withoutTurn({ turns, chosen }: Tree, id: string): Tree {
  const gone = new Set([id]);
  // A turn stands after its parent.
  for (const turn of turns) if (turn.parent !== null && gone.has(turn.parent)) gone.add(turn.id);
  const kept = Object.entries(chosen).filter(([parent, child]) => !gone.has(parent) && !gone.has(child));
  return { turns: turns.filter((turn) => !gone.has(turn.id)), chosen: Object.fromEntries(kept) };
}

/** The place of a turn among its siblings: from 0, and how many there are. */
export function placeOf(tree: Tree, turn: Turn): { at: number; of: number; siblings: Turn[] } {
  const siblings = childrenOf(tree, turn.parent);
  return { at: siblings.findIndex(({ id }) => id === turn.id), of: siblings.length, siblings };
}
