// Why a message is not opened. The code is stable; the words for people are in `words.js` of the page.

export class Refusal extends Error {
  constructor(code, detail) {
    super(detail ? `${code}: ${detail}` : code);
    this.name = "Refusal";
    this.code = code;
  }
}
