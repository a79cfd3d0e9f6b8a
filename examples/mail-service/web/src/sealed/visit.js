// What this window remembers of a link, so that a page that is loaded again within ten minutes gets the view that it had,
// and uses no other: the reader's token, salt and costs. Neither the password nor the secret of the link.

import { fromBase64Url, random, toBase64Url } from "../seal/bytes.js";

export class Visit {
  constructor(id, storage) {
    this.name = `visit:${id}`;
    this.storage = storage;
    this.challenge = null;
    this.until = 0;
    this.reader = random(16);
    this.#restore();
  }

  #restore() {
    try {
      const kept = JSON.parse(this.storage.getItem(this.name));
      const reader = fromBase64Url(kept.reader, 16);
      if (reader !== null && kept.until * 1000 > Date.now()) Object.assign(this, { ...kept, reader });
    } catch {
      // Nothing is there, or it cannot be kept here.
    }
  }

  /** There was a release: it may be repeated until then. */
  released(challenge, until) {
    Object.assign(this, { challenge, until });
    try {
      const reader = toBase64Url(this.reader);
      this.storage.setItem(this.name, JSON.stringify({ reader, challenge, until }));
    } catch {
      // Then a reload is another view.
    }
  }

  forget() {
    try {
      this.storage.removeItem(this.name);
    } catch {
      // It was never kept.
    }
  }
}
