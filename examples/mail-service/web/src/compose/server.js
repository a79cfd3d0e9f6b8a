// What the page sends: the sealed message, and what the server must know of it. The password that seals, the secret of the
// link, and what is sealed stand in none of it.

import { post, whole } from "../common/server.js";
import { toBase64, toBase64Url } from "../seal/bytes.js";

const utf8 = (text) => new TextEncoder().encode(text);

/**
 * Hands in a sealed message.
 *
 * @param {{user: string, password: string} | {form: string}} login of the account, or of the session that there is
 * @param {object} terms from, to, hint, days, views, bound, proof
 * @param {Uint8Array} message
 */
export async function handIn({ user, password, form }, terms, message) {
  const headers = {
    "content-type": "application/octet-stream",
    // RFC 7617; or the cookie of the session, and what shows that it is this page that sends it.
    ...(form ? { "letterlock-form": form } : { authorization: `Basic ${toBase64(utf8(`${user}:${password}`))}` }),
    "letterlock-terms": toBase64Url(utf8(JSON.stringify(terms))),
  };
  return whole((await post("/api/seal", headers, message, form ? "same-origin" : "omit")).json());
}

/** Milliseconds after which a server that does not say who is logged in is not waited for. */
const PATIENCE = 30_000;

/** Who is logged in on this site: `{account, form}`; null if nobody is, or that cannot be found out. */
export async function session() {
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    const answer = await fetch("/api/session", { cache: "no-store", redirect: "error", signal });
    const { account, form } = await answer.json();
    return account ? { account, form } : null;
  } catch {
    return null;
  }
}
