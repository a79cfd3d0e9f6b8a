// What the page asks the server for: always by POST, never anything that a look at the page could trigger. The password
// and the fragment of the link stand in none of it.

import { toBase64Url } from "../seal/bytes.js";

/** The server said no; `code` is `link.…` or `web.…`, and `at` a moment in seconds since 1970, where there is one. */
export class Refused extends Error {
  constructor({ code, at, wait }) {
    super(code);
    this.name = "Refused";
    this.code = code;
    this.at = at ?? null;
    this.wait = wait ?? null;
  }
}

/** No answer, or none that makes sense. */
export class Unreachable extends Error {}

export class Server {
  constructor(id) {
    this.id = id;
  }

  /** What everybody with the link may know: its state, salt and costs. */
  challenge() {
    return this.#json("challenge", {});
  }

  /** The sealed message, as octets, with until when it may be fetched again. */
  async release(proof, reader) {
    const response = await this.#post("release", {
      proof: toBase64Url(proof),
      reader: toBase64Url(reader),
    });
    return {
      message: new Uint8Array(await whole(response.arrayBuffer())),
      resumeUntil: Number(response.headers.get("letterlock-resume-until")),
    };
  }

  destroy(reader) {
    return this.#json("destroy", { reader: toBase64Url(reader) });
  }

  reply(reader, message) {
    const headers = { "content-type": "application/octet-stream", "letterlock-reader": toBase64Url(reader) };
    return this.#fetch("reply", headers, message).then((response) => whole(response.json()));
  }

  async #json(what, body) {
    return whole((await this.#post(what, body)).json());
  }

  #post(what, body) {
    return this.#fetch(what, { "content-type": "application/json" }, JSON.stringify(body));
  }

  async #fetch(what, headers, body) {
    let response;
    try {
      response = await fetch(`/api/links/${this.id}/${what}`, {
        method: "POST",
        headers,
        body,
        cache: "no-store",
        credentials: "omit",
        redirect: "error",
        referrerPolicy: "no-referrer",
      });
    } catch {
      throw new Unreachable();
    }
    if (response.ok) return response;
    const refusal = await whole(response.json());
    if (typeof refusal?.code !== "string") throw new Unreachable();
    throw new Refused(refusal);
  }
}

async function whole(promise) {
  try {
    return await promise;
  } catch {
    throw new Unreachable();
  }
}
