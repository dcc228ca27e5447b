/** What a stage knows of its neighbours: a link that carries messages from the stage before it and to the one after it. Does not know a network. */
import { LlamaError } from "../../error.js";

/** Who gets what comes over a link. */
export interface StageReceiver {
  /** A message of the stage before, as it was sent. It belongs to the receiver. */
  message(bytes: Uint8Array): void;
  /** No message comes or goes any more: a neighbour is gone, a message was lost, or the group has a newer epoch. Called once at most. */
  failed(error: StageLost): void;
}

/**
 * One stage's place in the ring node 0 -> first stage -> ... -> last stage, which is node 0 again. It lives for one epoch. Messages
 * arrive in the order in which they were sent, each once; a link that cannot keep this calls `failed`.
 */
export interface StageLink {
  /** Bytes of a message at most. */
  readonly maxMessage: number;
  /** Sends a message to the next stage and returns at once. The bytes must not be changed afterwards. After `failed` or close() it does nothing. */
  send(bytes: Uint8Array): void;
  /** Called once, before the first send; messages that came earlier are handed over then. */
  listen(receiver: StageReceiver): void;
  /** Ends the link: what was sent before still goes out, and the receiver hears nothing more. */
  close(): void;
}

/** The members of a group between two losses: what is not of the present epoch counts for nothing. */
export interface Epoch {
  number: number;
  link: StageLink;
}

/** A stage is gone or cannot be trusted any more; the texts can continue in a later epoch. */
export class StageLost extends LlamaError {
  constructor(problem: string, details: ConstructorParameters<typeof LlamaError>[2] = {}) {
    super("runtime", problem, details);
  }
}
