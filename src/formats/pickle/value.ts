/** What a pickle can hold once read: plain data, and marker objects for what stood for Python objects. Nothing here runs. */
import type { LlamaError } from "../../error.js";

/** Base of all values that are not plain data. */
export abstract class PickleObject {
  /** Makes the class a type of its own for the compiler. */
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

/** Makes the error for the current place in a pickle. */
export type Fail = (problem: string, fix?: string) => LlamaError;

/** What stands for calling a Python global: makes data from the arguments, or throws what `fail` returns. */
export type Build = (args: readonly PickleValue[], fail: Fail) => PickleValue;

/** A reference to an allowed Python global, such as a class. */
export class PickleGlobal extends PickleObject {
  /** `module.name` */
  readonly name: string;
  /** Absent when the global cannot be called. */
  readonly build: Build | undefined;

  constructor(name: string, build?: Build) {
    super();
    this.name = name;
    this.build = build;
  }
}
