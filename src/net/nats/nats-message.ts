/** Converts messages and headers between the client's form and plain values. */
import { type Msg, type MsgHdrs, headers as newHeaders } from "@nats-io/transport-node";
import type { NetMessage } from "./connection.js";

export function toHeaders(values: Record<string, string> | undefined): MsgHdrs | undefined {
  if (values === undefined) return undefined;
  const headers = newHeaders();
  for (const [name, value] of Object.entries(values)) headers.set(name, value);
  return headers;
}

/** Without a prototype: names come from outside. */
export function fromHeaders(headers: MsgHdrs | undefined): Record<string, string> {
  const values: Record<string, string> = Object.create(null);
  for (const name of headers?.keys() ?? []) values[name] = headers!.get(name);
  return values;
}

export function toMessage(message: Msg): NetMessage {
  return {
    subject: message.subject,
    data: message.data,
    headers: fromHeaders(message.headers),
    reply: message.reply || null,
    respond: (data) => {
      if (message.reply) message.respond(data);
    },
  };
}
