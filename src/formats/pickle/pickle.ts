/** Reads just enough of pickle to read PyTorch checkpoints. Runs no code: a global outside the given allow-list or an unknown opcode is an error. */
import { PickleMachine, type PickleRules } from "./machine.js";
import { MAX_PROTOCOL, OPCODES, PROTO, STOP } from "./opcodes.js";
import type { PickleValue } from "./value.js";

export type { PickleRules } from "./machine.js";
export { type Build, type Fail, PickleGlobal, PickleObject, type PickleValue } from "./value.js";

/** A tensor needs about 300 bytes, so this is enough for 50,000; it also bounds the memory a hostile pickle can use. */
export const MAX_PICKLE_BYTES = 16 * 1024 * 1024;
/** A tensor needs about 50, most of them followed by a memo entry. */
const MAX_OPCODES = 4_000_000;

/** Whether a file begins like a pickle of protocol 2 or later. */
export function isPickle(head: Uint8Array): boolean {
  return head[0] === PROTO && head[1]! <= MAX_PROTOCOL;
}

/** Reads one pickle from `start`; `end` is the offset after it. Throws a LlamaError that names the offset of the problem. */
export function readPickle(bytes: Uint8Array, rules: PickleRules, start = 0): { value: PickleValue; end: number } {
  const machine = new PickleMachine(bytes, start, rules);
  for (let count = 0; count < MAX_OPCODES; count++) {
    const byte = machine.readOpcode();
    if (byte === STOP) return { value: machine.pop(), end: machine.position };
    const opcode = OPCODES.get(byte);
    if (opcode?.run === undefined) {
      const name = `0x${byte.toString(16).padStart(2, "0")}`;
      throw machine.fail(
        opcode === undefined ? `invalid pickle opcode ${name}` : `unsupported pickle opcode ${opcode.name} (${name})`,
        "The file is corrupt or is not a checkpoint of plain tensors",
      );
    }
    opcode.run(machine);
  }
  throw machine.fail(`more than ${MAX_OPCODES} pickle opcodes`);
}
