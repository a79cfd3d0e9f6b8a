// Passwords made of words in a browser, as symmetric-seal's `Passphrase::generate` makes them. Without dependencies.
// `word-list.mjs` beside it is generated out of the Rust crate; a test compares both.

import { list } from "./word-list.mjs";

export const WORDS = /* @__PURE__ */ list.split(" ");

/** 77 bits: 11 for each word. */
const COUNT = 7;

/**
 * Seven random words with `-` between them.
 *
 * @param {(numbers: Uint16Array) => unknown} fill fills in random numbers
 */
export function generate(fill = (numbers) => crypto.getRandomValues(numbers)) {
  const numbers = new Uint16Array(COUNT);
  fill(numbers);
  // Of 65,536 numbers each of the 2048 words has exactly 32.
  const words = Array.from(numbers, (number) => WORDS[number % WORDS.length]);
  numbers.fill(0);
  return words.join("-");
}
