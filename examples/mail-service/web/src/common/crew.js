// A worker, asked and answered by promises.

import { Refusal } from "../seal/refusal.js";

export class Crew {
  #worker;
  #waiting = new Map();
  #number = 0;

  constructor(url) {
    this.#worker = new Worker(url, { type: "module" });
    this.#worker.addEventListener("message", ({ data }) => this.#answered(data));
    // It could not be loaded, or broke: whoever waits is told.
    this.#worker.addEventListener("error", () => this.#broke());
    this.#worker.addEventListener("messageerror", () => this.#broke());
  }

  /** Whether this browser can do the work at all. */
  test() {
    return this.ask("test").catch(() => false);
  }

  /** What is secret in the worker is overwritten, and the worker is gone. */
  async end() {
    await this.ask("forget").catch(() => {});
    this.#worker.terminate();
  }

  ask(what, values = {}, report = () => {}) {
    this.#number += 1;
    const number = this.#number;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject, report });
      this.#worker.postMessage({ number, what, values });
    });
  }

  #answered({ number, part, code, result }) {
    const waiting = this.#waiting.get(number);
    if (!waiting) return;
    if (part !== undefined) {
      waiting.report(part);
      return;
    }
    this.#waiting.delete(number);
    if (code === undefined) waiting.resolve(result);
    else waiting.reject(new Refusal(code));
  }

  #broke() {
    for (const { reject } of this.#waiting.values()) reject(new Refusal("seal.internal"));
    this.#waiting.clear();
  }
}
