/** A row of data with Hugging Face's columns, and the names of the splits that rows belong to. */

/** In the order of the columns, which is part of a document's hash. */
export type Row = Record<string, unknown>;

export type Split = "train" | "validation" | "test" | "dev";
