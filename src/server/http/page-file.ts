/** A file of the web page, as it is kept in memory. Does not know where it comes from. */

export interface PageFile {
  readonly bytes: Buffer;
  readonly type: string;
  /** Compressed, by the name of the content-encoding. */
  readonly packed: ReadonlyMap<string, Buffer>;
  /** Of the content, with its quotes; weak, as the compressed forms share it. */
  readonly etag: string;
  /** Its name changes with its content. */
  readonly isHashed: boolean;
}

/** The files by their names; one is index.html. */
export type PageFiles = ReadonlyMap<string, PageFile>;
