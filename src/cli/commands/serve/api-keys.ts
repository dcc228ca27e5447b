/** Reads the secrets of `serve`: API keys from the environment or a file, certificate and key of TLS. Does not use them. */
import { readFileSync, statSync } from "node:fs";
import { LlamaError } from "../../../error.js";

/** The keys; with none, no request needs one. Throws LlamaError (usage) for a file that others can read, or without a key. */
export function readKeys(file: string | undefined, variable: string | undefined): string[] {
  const keys = variable ? [variable] : [];
  if (file === undefined) return keys;
  const where = `--api_key_file ${file}`;
  let text: string;
  try {
    // Windows has no such bits.
    if (process.platform !== "win32" && (statSync(file).mode & 0o077) !== 0) {
      throw new LlamaError("usage", "others can read it", { where, fix: `Run chmod 600 ${file}` });
    }
    text = readFileSync(file, "utf8");
  } catch (cause) {
    if (cause instanceof LlamaError) throw cause;
    throw new LlamaError("usage", "cannot be read", { where, found: (cause as Error).message, cause });
  }
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const found = lines.filter((line) => line !== "" && !line.startsWith("#"));
  if (found.length === 0) throw new LlamaError("usage", "has no key", { where, expected: "a key a line" });
  return [...keys, ...found];
}

/** Certificate and key, or null without them. Throws LlamaError (usage) for one without the other, or that cannot be read. */
export function readTls({
  tls_cert: cert,
  tls_key: key,
}: {
  tls_cert?: string | undefined;
  tls_key?: string | undefined;
}) {
  if (cert === undefined && key === undefined) return null;
  if (cert === undefined || key === undefined)
    throw new LlamaError("usage", "--tls_cert and --tls_key need each other");
  return { cert: readPem("--tls_cert", cert), key: readPem("--tls_key", key) };
}

function readPem(option: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    const found = (cause as Error).message;
    throw new LlamaError("usage", "cannot be read", { where: `${option} ${file}`, found, cause });
  }
}
