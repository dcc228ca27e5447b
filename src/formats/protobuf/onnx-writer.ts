/** Writes an ONNX model as protobuf bytes (onnx.proto, IR version 10). Does not know what its nodes compute. */
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import {
  ONNX_TYPE,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxInitializer,
  type OnnxNode,
  type OnnxValue,
} from "./onnx-graph.js";

/** onnx.proto, AttributeProto.AttributeType */
const ATTRIBUTE = { float: 1, int: 2, string: 3, ints: 7 } as const;
const IR_VERSION = 10;
const EXTERNAL = 1;

/** Serialises a graph as a ModelProto. */
export function writeOnnx(graph: OnnxGraph): Uint8Array {
  const model = new BinaryWriter();
  field(model, 1).int64(IR_VERSION);
  text(model, 2, "llama-ts");
  message(model, 7, (writer) => {
    for (const node of graph.nodes) message(writer, 1, (inner) => writeNode(inner, node));
    text(writer, 2, graph.name);
    for (const tensor of graph.initializers) message(writer, 5, (inner) => writeInitializer(inner, tensor));
    for (const value of graph.inputs) message(writer, 11, (inner) => writeValue(inner, value));
    for (const value of graph.outputs) message(writer, 12, (inner) => writeValue(inner, value));
  });
  for (const [domain, version] of Object.entries(graph.opsets)) {
    message(model, 8, (writer) => {
      text(writer, 1, domain);
      field(writer, 2).int64(version);
    });
  }
  return model.finish();
}

function writeNode(writer: BinaryWriter, node: OnnxNode): void {
  for (const input of node.inputs) text(writer, 1, input);
  for (const output of node.outputs) text(writer, 2, output);
  text(writer, 3, node.outputs[0] ?? node.op);
  text(writer, 4, node.op);
  for (const [name, value] of Object.entries(node.attributes ?? {})) {
    message(writer, 5, (inner) => {
      text(inner, 1, name);
      writeAttribute(inner, value);
    });
  }
  if (node.domain) text(writer, 7, node.domain);
}

function writeAttribute(writer: BinaryWriter, value: OnnxAttribute): void {
  let type: number;
  if (typeof value === "number") {
    type = ATTRIBUTE.int;
    field(writer, 3).int64(value);
  } else if (typeof value === "string") {
    type = ATTRIBUTE.string;
    text(writer, 4, value);
  } else if ("float" in value) {
    type = ATTRIBUTE.float;
    writer.tag(2, 5).float(value.float);
  } else {
    type = ATTRIBUTE.ints;
    for (const item of value) field(writer, 8).int64(item);
  }
  field(writer, 20).int32(type);
}

function writeInitializer(writer: BinaryWriter, tensor: OnnxInitializer): void {
  for (const size of tensor.shape) field(writer, 1).int64(size);
  field(writer, 2).int32(ONNX_TYPE[tensor.type]);
  text(writer, 8, tensor.name);
  const { data } = tensor;
  if (data instanceof Uint8Array) {
    writer.tag(9, 2).bytes(data);
    return;
  }
  const location = { location: data.file, offset: String(data.offset), length: String(data.length) };
  for (const [key, value] of Object.entries(location)) {
    message(writer, 13, (inner) => {
      text(inner, 1, key);
      text(inner, 2, value);
    });
  }
  field(writer, 14).int32(EXTERNAL);
}

function writeValue(writer: BinaryWriter, value: OnnxValue): void {
  text(writer, 1, value.name);
  message(writer, 2, (type) =>
    message(type, 1, (tensor) => {
      field(tensor, 1).int32(ONNX_TYPE[value.type]);
      message(tensor, 2, (shape) => {
        for (const size of value.shape) {
          message(shape, 1, (dimension) => {
            if (typeof size === "number") field(dimension, 1).int64(size);
            else text(dimension, 2, size);
          });
        }
      });
    }),
  );
}

/** Writes the tag of a varint field. */
function field(writer: BinaryWriter, number: number): BinaryWriter {
  return writer.tag(number, 0);
}

function text(writer: BinaryWriter, number: number, value: string): void {
  writer.tag(number, 2).string(value);
}

function message(writer: BinaryWriter, number: number, write: (inner: BinaryWriter) => void): void {
  writer.tag(number, 2).fork();
  write(writer);
  writer.join();
}
