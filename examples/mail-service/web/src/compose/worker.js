// What is secret happens here, off the page's thread: the mail is put together and sealed.

import { able, serve } from "../common/work.js";
import * as argon2 from "../seal/argon2.js";
import { random, toBase64Url } from "../seal/bytes.js";
import { accessProof, sha256 } from "../seal/keys.js";
import { compose } from "../seal/letter.js";
import { prepareToSeal } from "../seal/passphrase.js";
import { BROWSER } from "../seal/profiles.js";
import { seal } from "../seal/write.js";

serve({
  test: able,

  /**
   * The sealed message, what the server is to know the password's owner by, and the secret of the link, if the password
   * is to be bound to one.
   */
  async seal({ letter, password, bound }, report) {
    const files = await Promise.all(letter.files.map(read));
    const content = compose({ ...letter, files });
    const secret = bound ? toBase64Url(random(16)) : null;
    const prepared = prepareToSeal(password, secret);
    const used = { salt: random(16), costs: BROWSER };
    const stretched = await argon2.stretch(prepared, used.salt, used.costs, report);
    prepared.fill(0);
    const message = await seal(content, stretched, used);
    const proof = toBase64Url(await sha256(await accessProof(stretched)));
    stretched.fill(0);
    content.fill(0);
    return { message, proof, secret };
  },

  async forget() {},
});

async function read(file) {
  return { name: file.name, type: file.type, octets: new Uint8Array(await file.arrayBuffer()) };
}
