// What is secret happens here, off the page's thread: the password becomes a key, the message is opened and read, the
// reply is sealed.

import { able, serve } from "../common/work.js";
import * as argon2 from "../seal/argon2.js";
import { fromBase64Url, random, same } from "../seal/bytes.js";
import { accessProof } from "../seal/keys.js";
import { open } from "../seal/open.js";
import { prepare } from "../seal/passphrase.js";
import { BROWSER, named } from "../seal/profiles.js";
import { Refusal } from "../seal/refusal.js";
import { seal } from "../seal/write.js";
import { compose } from "../seal/letter.js";
import { read } from "./mail.js";

let password = null;
let key = null;

serve({
  test: able,

  /** Argon2, once: its output opens the message later, and makes the proof now. */
  async derive({ text, secret, salt, passes, lanes, memoryExponent }, report) {
    const costs = { passes, lanes, memoryExponent };
    const octets = fromBase64Url(salt, 16);
    if (octets === null || !named(costs)) throw new Refusal("seal.no-profile");
    const prepared = prepare(text, secret);
    const known = key !== null && same(key.used.salt, octets) && same(prepared, password);
    if (!known) {
      forget();
      password = prepared;
      const stretched = await argon2.stretch(password, octets, costs, report);
      key = { stretched, used: { salt: octets, costs } };
    }
    return accessProof(key.stretched);
  },

  async open({ message }) {
    return read(await open(message, key.stretched, key.used));
  },

  /** Under the same password, with a salt of its own. */
  async reply({ subject, text, files }, report) {
    const content = await compose({ subject, text, files });
    const used = { salt: random(16), costs: BROWSER };
    const stretched = await argon2.stretch(password, used.salt, used.costs, report);
    const message = await seal(content, stretched, used);
    stretched.fill(0);
    return message;
  },

  async forget() {
    forget();
  },
});

function forget() {
  password?.fill(0);
  key?.stretched.fill(0);
  password = null;
  key = null;
}
