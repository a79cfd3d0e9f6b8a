import assert from "node:assert/strict";
import test from "node:test";
import { generate, WORDS } from "../../../../crates/symmetric-seal/js/words.mjs";
import { WORDS as SAID } from "../src/compose/words.js";
import { givenAway, refusal, surelyWeak } from "../src/compose/password.js";
import { load } from "./load.js";

const { prepareToSeal } = await load("src/seal/index.js");

test("what may not seal is refused, with words for it", () => {
  for (const [text, words] of [
    ["", "passwordShort"],
    ["1234567", "passwordShort"],
    ["äöüß", null],
    ["x".repeat(1025), "passwordLong"],
    ["good password \u{1f9ea}", "passwordTooNew"],
    ["good\u0007password", "passwordDisallowed"],
    ["good password \u200d", "passwordContext"],
    ["good password", null],
  ]) {
    assert.equal(refusal(text), words, text);
    assert.ok(words === null || words in SAID.en);
    if (words !== null) assert.throws(() => prepareToSeal(text, null), (error) => error.code.startsWith("passphrase."));
  }
  assert.equal(new TextDecoder().decode(prepareToSeal("good\u00a0password", "AAAA")), "good password#AAAA");
});

test("only what is surely weak is called so", () => {
  for (const weak of ["12345678", "aaaaaaaaaaaaaaaaaaaa", "abababababab", "102938475"]) assert.ok(surelyWeak(weak), weak);
  for (const other of ["Passw0rd!", "drei Räder & ein Fluß", "10293847561"]) assert.ok(!surelyWeak(other), other);
  assert.ok(!surelyWeak(generate()));
});

test("a password that the server gets otherwise is found", () => {
  assert.ok(givenAway("bob@example.net", ["alice@b.test", "Bob@Example.NET"]));
  assert.ok(givenAway("caf\u0065\u0301 noir", ["it is Caf\u00e9\u00a0Noir"]));
  assert.ok(!givenAway("our first boat", ["the name of our first boat?".slice(0, 20), ""]));
});

test("words are drawn evenly, and anew each time", () => {
  assert.equal(WORDS.length, 2048);
  const drawn = new Map(WORDS.map((word) => [word, 0]));
  // Every number that two octets can be, once.
  for (let number = 0; number < 65536; number += 7) {
    const numbers = [0, 1, 2, 3, 4, 5, 6].map((more) => (number + more) % 65536);
    for (const word of generate((array) => array.set(numbers)).split("-")) drawn.set(word, drawn.get(word) + 1);
  }
  const counts = [...drawn.values()];
  assert.ok(counts.every((count) => count === 32 || count === 33), "a few numbers came twice");
  assert.equal(counts.length, 2048);
  assert.notEqual(generate(), generate());
  assert.equal(generate().split("-").length, 7);
});
