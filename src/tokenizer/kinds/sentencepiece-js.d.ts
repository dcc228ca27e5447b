/** The part of sentencepiece-js that is used here; the package has no types of its own. */
declare module "sentencepiece-js" {
  export class SentencePieceProcessor {
    /** Resolves also when the file is no model; encodeIds then always gives []. */
    load(path: string): Promise<void>;
    encodeIds(text: string): number[];
  }
}
