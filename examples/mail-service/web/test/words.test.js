import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import * as composing from "../src/compose/words.js";
import * as sealed from "../src/sealed/words.js";

const pages = { sealed, compose: composing };

for (const [page, { WORDS, Language }] of Object.entries(pages)) {
  const sources = join(import.meta.dirname, "../src", page);

  test(`${page}: both languages say the same things, and fill in the same`, () => {
    const fills = (text) => (text.match(/\{\w+\}/g) ?? []).sort();
    assert.deepEqual(Object.keys(WORDS.de).sort(), Object.keys(WORDS.en).sort());
    for (const key of Object.keys(WORDS.en)) {
      assert.deepEqual(fills(WORDS.de[key]), fills(WORDS.en[key]), key);
    }
  });

  test(`${page}: what the page names is there, and what is there is named`, async () => {
    const names = (await readdir(sources)).filter((name) => name !== "words.js");
    const texts = names.map((name) => readFile(join(sources, name), "utf8"));
    const common = readFile(join(sources, "../common/language.js"), "utf8");
    const text = (await Promise.all([...texts, common])).join("\n");
    for (const [, key] of text.matchAll(/data-words(?:-label)?="(\w+)"/g)) {
      assert.ok(key in WORDS.en, key);
    }
    for (const [, key] of text.matchAll(/\bsay\("(\w+)"/g)) {
      assert.ok(key in WORDS.en, key);
    }
    // `tell("x")` says x and xTitle.
    const told = new Set([...text.matchAll(/tell\("(\w+)"/g)].flatMap(([, key]) => [key, `${key}Title`]));
    for (const key of told) assert.ok(key in WORDS.en, key);
    for (const key of Object.keys(WORDS.en)) {
      assert.ok(told.has(key) || new RegExp(`"${key}"`).test(text), `nobody says ${key}`);
    }
  });

  test(`${page}: the page's own text is the English one`, async () => {
    const html = await readFile(join(sources, "index.html"), "utf8");
    for (const [, key, text] of html.matchAll(/data-words="(\w+)"[^>]*>([^<]*)</g)) {
      assert.equal(text.replace(/\s+/g, " ").trim(), WORDS.en[key], key);
    }
  });

  test(`${page}: the first language that is known is taken`, () => {
    assert.equal(new Language(["fr-FR", "de-CH", "en"]).code, "de");
    assert.equal(new Language(["fr"]).code, "en");
    assert.equal(new Language(["de"]).other(), "en");
    assert.equal(new Language(["de"]).size(1_500_000), "1,5 MB");
    assert.equal(new Language(["en"]).size(1), "1 byte");
  });
}

test("whatever the form may be told has words", async () => {
  const source = await readFile(join(import.meta.dirname, "../src/compose/page.js"), "utf8");
  const named = [...source.matchAll(/\["\w+", "(\w+)", \{/g), ...source.matchAll(/must\(.*, "\w+", "(\w+)"/g)];
  assert.ok(named.length > 15);
  for (const [, key] of named) assert.ok(key in composing.WORDS.en, key);
});
