/** The values that reading a pickle returns: plain data, and marker objects in place of Python objects. No code runs. */
import type { LlamaError } from "../../error.js";

/** Base class of all values that are not plain data. */
export abstract class PickleObject {
  /** Makes the class a distinct type for the compiler. */
  readonly isPickleObject = true;
}

/** Lists and tuples are both arrays; dicts are Maps, so that no key is special. Integers beyond 2^53 are bigints. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | PickleObject;

/** Makes the error for the current offset of a pickle. */
export type Fail = (problem: string, fix?: string) => LlamaError;

/** Replaces the call of a Python global: makes data from the arguments, or throws what `fail` returns. */
export type Build = (args: readonly PickleValue[], fail: Fail) => PickleValue;

/** A reference to an allowed Python global, for example a class. */
export class PickleGlobal extends PickleObject {
  /** `module.name` */
  readonly name: string;
  /** Absent if the global may not be called. */
  readonly build: Build | undefined;

  constructor(name: string, build?: Build) {
    super();
    this.name = name;
    this.build = build;
  }
}
