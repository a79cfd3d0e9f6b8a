// What the page sends: the sealed message, and what the server must know of it. The password that seals, the secret of the
// link, and what is sealed stand in none of it.

import { post, whole } from "../common/server.js";
import { toBase64, toBase64Url } from "../seal/bytes.js";

const utf8 = (text) => new TextEncoder().encode(text);

/**
 * Hands in a sealed message.
 *
 * @param {{user: string, password: string}} login of the account
 * @param {object} terms from, to, hint, days, views, bound, proof
 * @param {Uint8Array} message
 */
export async function handIn({ user, password }, terms, message) {
  const headers = {
    "content-type": "application/octet-stream",
    // RFC 7617.
    authorization: `Basic ${toBase64(utf8(`${user}:${password}`))}`,
    "letterlock-terms": toBase64Url(utf8(JSON.stringify(terms))),
  };
  return whole((await post("/api/seal", headers, message)).json());
}
