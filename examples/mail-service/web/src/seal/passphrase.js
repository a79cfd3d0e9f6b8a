// A password as octets, prepared as the Rust crate prepares it: its own module, which it compares with itself.

import { Refusal } from "./refusal.js";
import { bindTo, forOpening, forSealing, octets } from "../../../../../crates/symmetric-seal/js/passphrase.mjs";

/**
 * What opens: mapped, and never rejected; not trimmed, not folded (RFC 8265 §4.2.2).
 *
 * @param {string} text as it was typed
 * @param {string|null} secret the fragment of the link, if the password is bound to it
 */
export function prepare(text, secret) {
  const mapped = forOpening(text);
  return octets(secret === null ? mapped : bindTo(mapped, secret));
}

/** What seals: as `prepare`, and refused where the Rust crate refuses it (RFC 8265 §4.2). */
export function prepareToSeal(text, secret) {
  const { refused } = forSealing(text);
  if (refused !== undefined) throw new Refusal(refused);
  return prepare(text, secret);
}
