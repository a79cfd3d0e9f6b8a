// What is said about a password before it seals anything. How a person has chosen it nobody can see, so nothing here calls
// one strong, except those that are made here.

import { forOpening, forSealing } from "../../../../../crates/symmetric-seal/js/passphrase.mjs";

/** Guesses, as a power of ten, that somebody with the server's disk makes in some years. */
const GUESSES = 10;

/** Why it may not seal, as a name of words; null if it may. */
export function refusal(text) {
  const code = forSealing(text).refused;
  return code === undefined ? null : REFUSALS[code];
}

const REFUSALS = {
  "passphrase.short": "passwordShort",
  "passphrase.long": "passwordLong",
  "passphrase.too-new": "passwordTooNew",
  "passphrase.disallowed": "passwordDisallowed",
  "passphrase.context": "passwordContext",
};

/** Whether a text that the server gets would give the password away. */
export function givenAway(password, texts) {
  const plain = (text) => forOpening(text).toLowerCase();
  return texts.some((text) => plain(text).includes(plain(password)));
}

/**
 * Whether it could be guessed even if each of its characters had been drawn by lot: an upper bound, so that "yes" is
 * certain, and "no" says nothing.
 */
export function surelyWeak(text) {
  const points = Array.from(text);
  const alphabet = KINDS.reduce((sum, [kind, size]) => sum + (points.some((p) => kind.test(p)) ? size : 0), 0);
  const few = new Set(points.map((p) => p.toLowerCase())).size < 5;
  return few || points.length * Math.log10(alphabet) < GUESSES;
}

const KINDS = [
  [/[0-9]/, 10],
  [/[a-z]/, 26],
  [/[A-Z]/, 26],
  [/[ -/:-@[-`{-~]/, 33],
  [/[^\x00-\x7f]/, 100],
];
