/** Reads where and how the hosts of a group meet from the command line and the environment: torchrun's rendezvous. Does not connect. */
import { LlamaError } from "../../error.js";
import type { NodeCount, NodeFlags } from "../options/node-flags.js";
import { type NetChoice, netOptions } from "./net-options.js";

/** torchrun's port of the c10d backend. */
const PORT = 29400;
/** The variable with a secret that all hosts share: an option would show it to everybody on the machine. */
export const RDZV_TOKEN = "LLAMA_TS_RDZV_TOKEN";
/** The group's name without --rdzv_id, as torchrun's. */
const NO_ID = "none";
/** Backends of torchrun that mean the same here. */
const BACKENDS = ["nats", "c10d", "static"];

export interface RdzvOptions {
  nodes: NodeCount;
  rank: number | null;
  id: string;
  net: NetChoice;
  joinTimeoutMs: number;
  lostAfterMs: number;
  /** Whether the server shall run on this host; null: if the endpoint is its address. */
  isHost: boolean | null;
  /** Files of TLS. */
  tls: { cert?: string; key?: string; ca?: string };
  /** A remark for the user; null: none. */
  note: string | null;
}

const CONF_KEYS = ["join_timeout", "lost_after", "creds", "ca", "cert", "key", "is_host"];
/** torchrun's, which have no meaning here. */
const OTHER_KEYS = ["timeout", "last_call_timeout", "close_timeout", "read_timeout", "heartbeat", "store_type", "rank"];

/** Throws LlamaError (usage) for what can be seen to be wrong. */
export function rdzvOptions(flags: NodeFlags, env: NodeJS.ProcessEnv): RdzvOptions {
  const { nnodes: nodes, node_rank: rank = null, rdzv_id: id = NO_ID, rdzv_backend: backend = "nats" } = flags;
  if (nodes === undefined) throw new Error("--nnodes is missing");
  if (flags.standalone) throw new LlamaError("usage", `--standalone means one host, --nnodes ${nodes.least} several`);
  if (rank !== null && rank >= nodes.most) {
    const expected = `0 to ${nodes.most - 1}, one for each host of --nnodes`;
    throw new LlamaError("usage", "out of range", { where: "--node_rank", expected, found: String(rank) });
  }
  if (!BACKENDS.includes(backend)) {
    throw new LlamaError("usage", "unknown", { where: "--rdzv_backend", expected: "nats", found: backend });
  }
  const conf = flags.rdzv_conf ?? {};
  for (const key of Object.keys(conf)) {
    if (!CONF_KEYS.includes(key) && !OTHER_KEYS.includes(key)) {
      throw new LlamaError("usage", "unknown", { where: "--rdzv_conf", expected: CONF_KEYS.join(", "), found: key });
    }
  }
  const { creds, ca, cert, key } = conf;
  const net = netOptions({
    ...{ addresses: endpointOf(flags), defaultPort: PORT, token: env[RDZV_TOKEN], tokenVariable: RDZV_TOKEN },
    ...{ creds, ca, cert, key, name: `llama-ts group ${id}` },
    names: {
      addresses: flags.rdzv_endpoint === undefined ? "--master_addr" : "--rdzv_endpoint",
      ...{ creds: "--rdzv_conf creds", ca: "--rdzv_conf ca", cert: "--rdzv_conf cert", key: "--rdzv_conf key" },
    },
  });
  return {
    ...{ nodes, rank, id, net },
    joinTimeoutMs: seconds(conf, "join_timeout", 600),
    lostAfterMs: seconds(conf, "lost_after", 3),
    isHost: conf.is_host === undefined ? null : ["1", "true"].includes(conf.is_host.toLowerCase()),
    tls: { ...(cert && { cert }), ...(key && { key }), ...(ca && { ca }) },
    note: noteOf(backend, Object.keys(conf)),
  };
}

function endpointOf({ rdzv_endpoint, master_addr, master_port, nnodes }: NodeFlags): string {
  if (rdzv_endpoint) return rdzv_endpoint;
  if (master_addr) {
    const host = master_addr.includes(":") && !master_addr.includes("[") ? `[${master_addr}]` : master_addr;
    return master_port === undefined ? host : `${host}:${master_port}`;
  }
  throw new LlamaError("usage", `--nnodes ${nnodes!.least} needs --rdzv_endpoint`, {
    fix: "Name the first host, as --rdzv_endpoint host0:29400: it starts nats-server, and the others find it there",
  });
}

function seconds(conf: Readonly<Record<string, string>>, key: string, fallback: number): number {
  const text = conf[key];
  if (text === undefined) return fallback * 1000;
  const value = Number(text);
  if (text !== "" && value >= 0.5 && value <= 1e6) return value * 1000;
  throw new LlamaError("usage", "out of range", {
    where: `--rdzv_conf ${key}`,
    expected: "seconds from 0.5",
    found: text,
  });
}

function noteOf(backend: string, keys: readonly string[]): string | null {
  const other = keys.filter((key) => OTHER_KEYS.includes(key));
  const parts = [
    ...(backend === "nats" ? [] : [`--rdzv_backend ${backend} means nats here`]),
    ...(other.length === 0 ? [] : [`--rdzv_conf ${other.join(", ")} without effect`]),
  ];
  return parts.length === 0 ? null : `${parts.join("; ")}.`;
}
