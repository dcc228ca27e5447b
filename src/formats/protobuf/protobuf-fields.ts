/** Walks the fields of a protobuf message and of nested messages, and checks their types and lengths. Does not know a schema. */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { decodeUtf8 } from "../files/utf8.js";

/** A cursor on the current field. Nested messages share one BinaryReader, since making one for each of 32000 pieces is slow. */
export class ProtobufFields {
  /** Number of the current field. */
  no = 0;
  readonly #reader: BinaryReader;
  #wire: WireType = WireType.Varint;
  #start = 0;
  #end: number;

  constructor(bytes: Uint8Array) {
    this.#reader = new BinaryReader(bytes);
    this.#end = bytes.length;
  }

  /** Calls `read` for every field of the message; skips each value that `read` does not read. */
  each(read: (field: ProtobufFields) => void): void {
    const reader = this.#reader;
    while (reader.pos < this.#end) {
      [this.no, this.#wire] = reader.tag();
      this.#start = reader.pos;
      read(this);
      if (reader.pos === this.#start) reader.skip(this.#wire, this.no);
    }
    if (reader.pos > this.#end) throw new Error(`a field that ends after its message at offset ${this.#end}`);
  }

  /** Reads the current field's value as a message. */
  message(read: (field: ProtobufFields) => void): void {
    const length = this.#expect(WireType.LengthDelimited).uint32();
    const outer = this.#end;
    this.#end = this.#reader.pos + length;
    if (this.#end > outer) throw new Error(`a message of ${length} bytes at offset ${this.#reader.pos}`);
    this.each(read);
    this.#end = outer;
    // The nested fields have overwritten the start of the current value.
    this.#start = -1;
  }

  text(): string {
    // Not reader.string(): a piece must keep its U+FEFF, which a platform's text decoder may drop.
    return decodeUtf8(this.bytes());
  }

  bytes(): Uint8Array {
    return this.#expect(WireType.LengthDelimited).bytes();
  }

  int(): number {
    return this.#expect(WireType.Varint).int32();
  }

  bool(): boolean {
    return this.#expect(WireType.Varint).bool();
  }

  float(): number {
    return this.#expect(WireType.Bit32).float();
  }

  #expect(wire: WireType): BinaryReader {
    if (this.#wire === wire) return this.#reader;
    throw new Error(`field ${this.no} with wire type ${this.#wire} instead of ${wire}`);
  }
}
