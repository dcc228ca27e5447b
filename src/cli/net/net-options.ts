/** The options of a connection to NATS, from addresses, secrets and files that the user names. Does not connect, and shows no secret. */
import { LlamaError } from "../../error.js";
import type { NetOptions } from "../../net/nats/net.js";
import { isLoopback } from "../../server/http/access.js";
import { readable, secretOf } from "./net-secret.js";

/** Where the options of a connection come from. */
export interface NetSource {
  /** `HOST`, `HOST:PORT`, `nats://HOST:PORT` or `tls://HOST:PORT`; several with commas. */
  addresses: string;
  defaultPort: number;
  /** A secret that server and clients share, and the name of its variable. */
  token: string | undefined;
  tokenVariable: string;
  /** Paths: credentials, an nkey's seed or a token; certificates and key as PEM. */
  creds: string | undefined;
  ca: string | undefined;
  cert: string | undefined;
  key: string | undefined;
  /** How each is named in messages. */
  names: Readonly<Record<"addresses" | "creds" | "ca" | "cert" | "key", string>>;
  /** Of the connection, as the server lists it. */
  name: string;
}

export interface NetChoice {
  options: NetOptions;
  /** What a user should know before texts travel; null: nothing. */
  warning: string | null;
}

/** Throws LlamaError (usage) for what can be seen to be wrong before there is a connection. */
export function netOptions(source: NetSource): NetChoice {
  const { names, name } = source;
  const addresses = source.addresses.split(",").map((text) => addressOf(text.trim(), source));
  const given = (
    [
      ["ca", source.ca],
      ["cert", source.cert],
      ["key", source.key],
    ] as const
  ).filter(([, file]) => file);
  const isSecure = addresses.some(({ scheme }) => scheme === "tls") || given.length > 0;
  const plain = addresses.find(({ scheme }) => scheme === "nats");
  if (isSecure && plain && addresses.some(({ scheme }) => scheme === "tls")) {
    const expected = "tls:// for all servers or for none";
    throw new LlamaError("usage", "mixes TLS and plain text", { where: names.addresses, expected });
  }
  if ((source.cert === undefined) !== (source.key === undefined)) {
    throw new LlamaError("usage", `${names.cert} and ${names.key} need each other`);
  }
  for (const [what, file] of given) readable(`${names[what]} ${file}`, file!);
  const token = source.token?.trim() || undefined;
  // The line is chosen for this run, the variable perhaps for many.
  const secret =
    source.creds === undefined
      ? token !== undefined && { token }
      : secretOf(source.creds, `${names.creds} ${source.creds}`);
  const scheme = isSecure ? "tls" : "nats";
  const options: NetOptions = {
    servers: addresses.map(({ host, port }) => `${scheme}://${host}:${port}`),
    name,
    ...secret,
    ...(given.length > 0 && { tls: Object.fromEntries(given) }),
  };
  const far = isSecure ? undefined : addresses.find(({ host }) => !isLoopback(host.replace(/^\[|\]$/g, "")));
  const shown = far && `${far.host}:${far.port}`;
  const warning = far
    ? `Warning: texts travel unencrypted to ${shown}, unless that server insists on TLS; tls://${shown} encrypts them.`
    : null;
  return { options, warning };
}

/** Never shows what is before an @. */
function addressOf(text: string, { names, tokenVariable, defaultPort }: NetSource) {
  const where = names.addresses;
  if (text.includes("@")) {
    const fix = `Everybody on this machine can see it: set ${tokenVariable}, or write it into a file for ${names.creds}`;
    throw new LlamaError("usage", "has a secret in the address", { where, fix });
  }
  const form = /^(?:([a-z+]+):\/\/)?(\[[0-9a-f:.]+\]|[^\s/:[\]?#]+)(?::(\d{1,5}))?\/?$/i.exec(text);
  const [, scheme, host, port] = form ?? [];
  const number = port === undefined ? defaultPort : Number(port);
  const kind = scheme?.toLowerCase();
  if (host === undefined || ![undefined, "nats", "tls"].includes(kind) || number < 1 || number > 65535) {
    const expected = "nats://HOST:PORT or tls://HOST:PORT";
    throw new LlamaError("usage", "is no address of a NATS server", { where, expected, found: JSON.stringify(text) });
  }
  return { scheme: kind, host, port: number };
}
