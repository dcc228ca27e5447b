/** Ids of requests and answers. A client's id is only repeated, never used as a key. */
import { randomInt } from "node:crypto";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** `prefix` and 24 letters and digits. */
export function newId(prefix: string): string {
  return prefix + Array.from({ length: 24 }, () => LETTERS[randomInt(LETTERS.length)]).join("");
}

/** The client's id if it is safe to repeat, else a new one. */
export function requestId(given: string | string[] | undefined): string {
  return typeof given === "string" && /^[A-Za-z0-9._-]{1,128}$/.test(given) ? given : newId("req_");
}
