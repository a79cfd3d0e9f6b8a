import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { Language, WORDS } from "../src/sealed/words.js";

const sources = join(import.meta.dirname, "../src/sealed");

test("both languages say the same things, and fill in the same", () => {
  const fills = (text) => (text.match(/\{\w+\}/g) ?? []).sort();
  assert.deepEqual(Object.keys(WORDS.de).sort(), Object.keys(WORDS.en).sort());
  for (const key of Object.keys(WORDS.en)) {
    assert.deepEqual(fills(WORDS.de[key]), fills(WORDS.en[key]), key);
  }
});

test("what the page names is there, and what is there is named", async () => {
  const names = (await readdir(sources)).filter((name) => name !== "words.js");
  const text = (await Promise.all(names.map((name) => readFile(join(sources, name), "utf8")))).join("\n");
  for (const [, key] of text.matchAll(/data-words(?:-label)?="(\w+)"/g)) {
    assert.ok(key in WORDS.en, key);
  }
  // `tell("x")` says x and xTitle.
  const told = new Set([...text.matchAll(/tell\("(\w+)"/g)].flatMap(([, key]) => [key, `${key}Title`]));
  for (const key of told) assert.ok(key in WORDS.en, key);
  for (const key of Object.keys(WORDS.en)) {
    assert.ok(told.has(key) || new RegExp(`"${key}"`).test(text), `nobody says ${key}`);
  }
});

test("the page's own text is the English one", async () => {
  const html = await readFile(join(sources, "index.html"), "utf8");
  for (const [, key, text] of html.matchAll(/data-words="(\w+)"[^>]*>([^<]*)</g)) {
    assert.equal(text.replace(/\s+/g, " ").trim(), WORDS.en[key], key);
  }
});

test("the first language that is known is taken", () => {
  assert.equal(new Language(["fr-FR", "de-CH", "en"]).code, "de");
  assert.equal(new Language(["fr"]).code, "en");
  assert.equal(new Language(["de"]).other(), "en");
  assert.equal(new Language(["de"]).size(1_500_000), "1,5 MB");
  assert.equal(new Language(["en"]).size(1), "1 byte");
});
