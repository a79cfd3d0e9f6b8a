// What the page asks the server for: always by POST, never anything that a look at the page could trigger. The password
// and the fragment of the link stand in none of it.

import { post, whole } from "../common/server.js";
import { toBase64Url } from "../seal/bytes.js";

export { Refused, Unreachable } from "../common/server.js";

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

  #fetch(what, headers, body) {
    return post(`/api/links/${this.id}/${what}`, headers, body);
  }
}
