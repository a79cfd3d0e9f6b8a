// Run by tests/passphrase_js.rs: reads texts from standard input, and says what the JavaScript module makes of them and
// of every code point.

import { bindTo, forOpening, forSealing } from "../../js/passphrase.mjs";
import { readFileSync } from "node:fs";

const { vectors, block } = JSON.parse(readFileSync(0, "utf8"));

function sealing(text) {
  const made = forSealing(text);
  return made.text === undefined ? `${made.refused} ${made.position ?? "-"}` : `=${made.text}`;
}

// FNV-1a over what comes of every code point in a block, at the start and at the end of a password.
function digest(first) {
  let hash = 0x811c9dc5;
  const add = (text) => {
    for (let at = 0; at < text.length; at += 1) {
      hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0;
    }
  };
  for (let point = first; point < first + block; point += 1) {
    if (point >= 0xd800 && point <= 0xdfff) continue;
    const c = String.fromCodePoint(point);
    add(sealing(`${c}-aaaaaaa`));
    add(sealing(`aaaaaaa-${c}`));
    add(forOpening(`${c}-`));
  }
  return hash;
}

const digests = [];
for (let first = 0; first < 0x110000; first += block) digests.push(digest(first));

const made = vectors.map((text) => [sealing(text), forOpening(text)]);
const lone = [forSealing("aaaaaaaa\ud800").refused, forSealing("\udc00aaaaaaaa").refused];
const bound = bindTo(forOpening("correct horse"), "-_v7-_v7-_v7-_v7-_v7-w");
process.stdout.write(JSON.stringify({ digests, made, lone, bound }));
