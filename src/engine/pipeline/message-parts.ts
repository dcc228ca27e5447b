/** Cuts messages into parts that a link can carry, and joins them again in their order. Does not know what the payload is. */
import { StageLost } from "./stage-link.js";
import { BadMessage, decodePart, encodePart, MAX_HEADER, type StageBody, type StageHeader } from "./stage-message.js";
import { type StagePlan, stageOf } from "./stage-plan.js";

/** A whole message; the payload begins at an address that any number type can have. */
export interface StageMessage extends StageHeader {
  payload: Uint8Array;
}

/** Bytes that a link must be able to carry in a message: a header and a row. */
export function leastMessage({ dim }: StagePlan): number {
  return 4 + MAX_HEADER + dim * 4;
}

/** The parts of a message to a stage. A part has whole rows. */
export function cutMessage(message: StageMessage, plan: StagePlan, stage: number, maxMessage: number): Uint8Array[] {
  const { epoch, k, actions, body, payload } = message;
  const { unit } = payloadSize(plan, stage, body);
  const size = Math.max(1, Math.floor((maxMessage - 4 - MAX_HEADER) / unit)) * unit;
  const count = Math.max(1, Math.ceil(payload.length / size));
  return Array.from({ length: count }, (_, index) => {
    const content = index === 0 ? { actions, body } : null;
    return encodePart({ epoch, k, index, count, content, payload: payload.subarray(index * size, (index + 1) * size) });
  });
}

/** Joins the parts that reach one stage in one epoch. */
export class PartJoiner {
  readonly #plan: StagePlan;
  readonly #stage: number;
  readonly #epoch: number;
  readonly #check: (header: StageHeader) => void;
  /** The message that comes next, or is being joined. */
  #k = 0;
  #message: StageMessage | null = null;
  /** Parts and bytes of it that have come. */
  #parts = 0;
  #count = 0;
  #bytes = 0;

  /** `check`: refuses a whole message by its header, with BadMessage; then it has not come. */
  constructor(plan: StagePlan, stage: number, epoch: number, check: (header: StageHeader) => void) {
    this.#plan = plan;
    this.#stage = stage;
    this.#epoch = epoch;
    this.#check = check;
  }

  /** Returns the message that is whole with this part, or null. Throws BadMessage for a part to be dropped, StageLost for a gap. */
  push(bytes: Uint8Array): StageMessage | null {
    const { epoch, k, index, count, content, payload } = decodePart(bytes, this.#plan);
    if (epoch !== this.#epoch) throw new BadMessage(`a message of epoch ${epoch} in epoch ${this.#epoch}`);
    if (k < this.#k || (k === this.#k && index < this.#parts)) throw new BadMessage(`message ${k} came again`);
    if (k > this.#k || index > this.#parts) {
      throw new StageLost("a message between stages was lost", {
        expected: `message ${this.#k}, part ${this.#parts}`,
        found: `message ${k}, part ${index}`,
      });
    }
    const message = content ? this.#begin({ epoch, k, ...content }, count, payload) : this.#message!;
    if (!content) this.#checkPart(message, count, payload);
    message.payload.set(payload, this.#bytes);
    this.#message = message;
    this.#count = count;
    this.#bytes += payload.length;
    this.#parts++;
    if (this.#parts < count) return null;
    this.#message = null;
    this.#parts = 0;
    this.#bytes = 0;
    this.#checkIds(message);
    this.#check(message);
    this.#k++;
    return message;
  }

  #begin(header: StageHeader, count: number, payload: Uint8Array): StageMessage {
    const { bytes, unit } = payloadSize(this.#plan, this.#stage, header.body);
    if (count > Math.max(1, bytes / unit)) throw new BadMessage(`${count} parts of ${bytes} bytes`);
    checkSize(bytes, unit, 0, payload, count === 1);
    return { ...header, payload: new Uint8Array(bytes) };
  }

  /** The first stage gets tokens of the vocabulary. */
  #checkIds({ body, payload }: StageMessage): void {
    if (this.#stage > 0 || body.kind !== "step") return;
    const wrong = new Int32Array(payload.buffer).find((id) => id < 0 || id >= this.#plan.vocabSize);
    if (wrong !== undefined) throw new BadMessage(`token ${wrong} of ${this.#plan.vocabSize}`);
  }

  #checkPart({ body, payload: { length } }: StageMessage, count: number, payload: Uint8Array): void {
    if (count !== this.#count) throw new BadMessage(`${count} parts, ${this.#count} before`);
    const { unit } = payloadSize(this.#plan, this.#stage, body);
    checkSize(length, unit, this.#bytes, payload, this.#parts === count - 1);
  }
}

function checkSize(total: number, unit: number, before: number, { length }: Uint8Array, isLast: boolean): void {
  const left = total - before - length;
  if (left < 0 || (isLast && left > 0) || length % unit !== 0) {
    throw new BadMessage(`a payload of ${before + length} bytes; expected ${total}`);
  }
}

/** Bytes of the payload with which a message reaches a stage, and the unit that a part of it does not divide: a row of a step. */
function payloadSize(plan: StagePlan, stage: number, body: StageBody): { bytes: number; unit: number } {
  switch (body.kind) {
    case "step": {
      const unit = stage === 0 ? 4 : plan.dim * 4;
      return { bytes: body.spans.reduce((sum, { count }) => sum + count, 0) * unit, unit };
    }
    // Keys and values travel between node 0 and the stage that holds them.
    case "save":
      return { bytes: stageOf(plan, body.layer) < stage ? body.length * plan.kvBytes : 0, unit: 1 };
    case "restore":
      return { bytes: stageOf(plan, body.layer) >= stage ? body.length * plan.kvBytes : 0, unit: 1 };
    case "failed":
      return { bytes: 0, unit: 1 };
  }
}
