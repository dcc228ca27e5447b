/** Mutates JSON files: values and keys, and sometimes the text. */
import { mutateBytes } from "./bytes.js";
import type { Dice } from "./dice.js";

const VALUES: readonly unknown[] = [
  ...[null, true, false, "", "x", "16", [], [16], {}, { a: 1 }, -1, 0.5, 16.5, 1e300, -1e300, 1e-300, 2 ** 53, -0],
];
const KEYS = [
  ...["dim", "n_layers", "n_heads", "n_kv_heads", "vocab_size", "multiple_of", "ffn_dim_multiplier", "norm_eps"],
  ...["rope_theta", "use_scaled_rope", "moe", "model", "quantization_args", "__proto__", "constructor", "toString", ""],
];

/** Changes values and keys of params.json. */
export function mutateJson(dice: Dice, text: Uint8Array): Buffer {
  const object = JSON.parse(Buffer.from(text).toString()) as Record<string, unknown>;
  let entries = Object.entries(object);
  for (let count = 1 + dice.below(3); count > 0; count--) {
    const value = dice.chance(0.5) ? dice.pick(VALUES) : dice.edge() * dice.pick([1, 1, -1, 0.5]);
    if (dice.chance(0.2)) entries = entries.filter(() => dice.chance(0.8));
    else entries.push([dice.pick(KEYS), value]);
  }
  // not JSON.stringify of an object, which would lose __proto__ and duplicate keys
  const pairs = entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  const whole = dice.chance(0.05) ? `{"model":{${pairs}}}` : `{${pairs}}`;
  const bytes = Buffer.from(dice.chance(0.02) ? "[".repeat(100_000) : whole);
  return dice.chance(0.2) ? mutateBytes(dice, bytes) : bytes;
}

/** The same at any depth, for files whose values are objects. */
export function mutateTree(dice: Dice, text: Uint8Array): Buffer {
  const root = JSON.parse(Buffer.from(text).toString()) as Record<string, unknown>;
  for (let count = 1 + dice.below(3); count > 0; count--) {
    const places = [...entriesOf(root)];
    if (places.length === 0) break;
    const [parent, key] = dice.pick(places);
    const value = dice.chance(0.5) ? dice.pick(VALUES) : dice.edge() * dice.pick([1, 1, -1, 0.5]);
    const kind = dice.below(4);
    if (kind === 0) delete parent[key];
    else if (kind === 1) parent[dice.chance(0.5) ? dice.pick(KEYS) : "x".repeat(dice.below(500))] = value;
    else if (kind === 2) {
      const [other, name] = dice.pick(places);
      // a copy, since a tree must not contain itself
      parent[key] = structuredClone(other[name]);
    } else parent[key] = value;
  }
  const bytes = Buffer.from(JSON.stringify(root));
  return dice.chance(0.1) ? mutateBytes(dice, bytes) : bytes;
}

type Parent = Record<string, unknown>;

/** Every key of every object and list, with its parent. */
function* entriesOf(parent: Parent): Generator<[Parent, string]> {
  for (const key of Object.keys(parent)) {
    yield [parent, key];
    const value = parent[key];
    if (typeof value === "object" && value !== null) yield* entriesOf(value as Parent);
  }
}
