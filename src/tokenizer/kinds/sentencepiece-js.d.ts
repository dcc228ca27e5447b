/** Types of the part of sentencepiece-js that is used here; the package has no types. */
declare module "sentencepiece-js" {
  export class SentencePieceProcessor {
    /** Resolves even if the file is not a model; encodeIds then always returns []. */
    load(path: string): Promise<void>;
    encodeIds(text: string): number[];
  }
}
