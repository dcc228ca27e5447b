/** Reads the files of a connection to NATS: the secret that a client shows, certificates. Never puts a secret into a message. */
import { readFileSync, statSync } from "node:fs";
import { LlamaError } from "../../error.js";
import type { NetOptions } from "../../net/nats/net.js";

/** Credentials (JWT and seed), an nkey's seed, or a token, by what the file holds. `where`: the file in messages. Throws LlamaError (usage). */
export function secretOf(path: string, where: string): Pick<NetOptions, "creds" | "nkeySeed" | "token"> {
  const text = readable(where, path, true);
  if (/^-+BEGIN NATS USER JWT-+/m.test(text)) return { creds: path };
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const values = lines.filter((line) => line !== "" && !/^(#|-{3,})/.test(line));
  const [value, ...rest] = values;
  if (value === undefined || rest.length > 0) {
    const expected = "NATS credentials, an nkey's seed (SU...), or a token on one line";
    throw new LlamaError("usage", "has no secret that can be used", { where, expected });
  }
  if (/^SU[A-Z2-7]{56}$/.test(value)) return { nkeySeed: value };
  if (/^U[A-Z2-7]{55}$/.test(value)) {
    const fix = "The server has the public key; the client needs the seed, which begins with SU";
    throw new LlamaError("usage", "is the public half of an nkey", { where, fix });
  }
  return { token: value };
}

/** The text of a file. A secret is refused if others can read it; a file of root may be for a group, as Kubernetes mounts it. */
export function readable(where: string, path: string, isSecret = false): string {
  let text: string;
  let stat: ReturnType<typeof statSync>;
  try {
    stat = statSync(path);
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new LlamaError("usage", "cannot be read", { where, found: (cause as Error).message, cause });
  }
  const allowed = stat!.uid === 0 ? 0o037 : 0o077;
  // Windows has no such bits.
  if (isSecret && process.platform !== "win32" && (stat!.mode & allowed) !== 0) {
    throw new LlamaError("usage", "others can read it", { where, fix: `Run chmod 600 ${path}` });
  }
  return text;
}
