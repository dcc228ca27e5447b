/** Makes the container that torch.save wrote before 1.6 from the parts of an archive. */

/** magic, protocol and system as torch writes them: 0x1950a86a20f9469cfc6c, 1001, {"little_endian": True} */
const HEAD = Buffer.concat([
  Buffer.from("80028a0a6cfc9c46f9206aa850192e", "hex"),
  Buffer.from("80024de9032e", "hex"),
  Buffer.from(`80027d580d000000${Buffer.from("little_endian").toString("hex")}88732e`, "hex"),
]);
const ELEMENT_BYTES = 2;

/** `files` are those of an archive of fp16 tensors; `change` may damage the pickle. */
export function makeLegacy(files: Record<string, Buffer>, change: (pickle: Buffer) => Buffer): Buffer {
  const names = Object.keys(files);
  const storages = names.filter((name) => /\/data\/\d+$/.test(name));
  const keys = storages.map((name) => {
    const key = name.slice(name.lastIndexOf("/") + 1);
    return Buffer.concat([Buffer.from([0x58, key.length, 0, 0, 0]), Buffer.from(key)]);
  });
  const bodies = storages.flatMap((name) => {
    const numel = Buffer.alloc(8);
    numel.writeBigInt64LE(BigInt(files[name]!.length / ELEMENT_BYTES));
    return [numel, files[name]!];
  });
  const pickle = change(files[names.find((name) => name.endsWith("/data.pkl"))!]!);
  return Buffer.concat([HEAD, pickle, Buffer.from("80025d28", "hex"), ...keys, Buffer.from("652e", "hex"), ...bodies]);
}
