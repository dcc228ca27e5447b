/** Writes a SentencePiece model as protobuf bytes (ModelProto, sentencepiece_model.proto). Does not know where its pieces come from. */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { PIECE_TYPES, type SentencePieceModel } from "./sentencepiece-model.js";

/** TrainerSpec.ModelType */
const BPE = 2;

/** The bytes of a BPE model whose normalizer leaves characters as they are, as that of LLaMA. */
export function writeSentencePieceModel(model: SentencePieceModel): Uint8Array {
  const writer = new BinaryWriter();
  for (const { piece, score, type } of model.pieces) {
    message(writer, 1, (inner) => {
      inner.tag(1, WireType.LengthDelimited).string(piece);
      inner.tag(2, WireType.Bit32).float(score);
      int(inner, 3, PIECE_TYPES.indexOf(type) + 1);
    });
  }
  message(writer, 2, (trainer) => {
    int(trainer, 3, BPE);
    int(trainer, 4, model.pieces.length);
    int(trainer, 35, model.byteFallback ? 1 : 0);
    for (const [i, id] of [model.unkId, model.bosId, model.eosId, model.padId].entries()) int(trainer, 40 + i, id);
    trainer.tag(44, WireType.LengthDelimited).string(model.unkSurface);
  });
  message(writer, 3, (normalizer) => {
    normalizer.tag(1, WireType.LengthDelimited).string("identity");
    int(normalizer, 3, model.addDummyPrefix ? 1 : 0);
    int(normalizer, 4, model.removeExtraWhitespaces ? 1 : 0);
    int(normalizer, 5, model.escapeWhitespaces ? 1 : 0);
  });
  return writer.finish();
}

function message(writer: BinaryWriter, field: number, write: (inner: BinaryWriter) => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write(writer);
  writer.join();
}

function int(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, WireType.Varint).int32(value);
}
