/** Types of the part of sentencepiece-js that is used here; the package has no types. */
declare module "sentencepiece-js" {
  /** An object in the memory of the WebAssembly module. */
  interface Native {
    delete(): void;
  }

  export class SentencePieceProcessor {
    /** Starts the WebAssembly module, then reads the file. Resolves even if the file is not a model; encodeIds then always returns []. */
    load(path: string): Promise<void>;
    encodeIds(text: string): number[];
    /** The module with its files in memory, once `load` has started it. */
    sentencepiece?: {
      FS: { writeFile(name: string, bytes: Uint8Array): void };
      StringView: new (text: string) => Native & { getView(): Native };
      SentencePieceProcessor: new () => NativeProcessor;
    };
    processor?: NativeProcessor;
  }

  interface NativeProcessor extends Native {
    /** Loads a file of the module; returns the status. */
    Load(name: Native): Native;
  }
}
