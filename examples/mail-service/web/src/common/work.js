// A worker's side: a request has a number, and so has its answer; progress comes in between.

import * as argon2 from "../seal/argon2.js";
import { Refusal } from "../seal/refusal.js";

/** Whether this browser has what sealing and opening need. */
export async function able() {
  const subtle = globalThis.isSecureContext && typeof crypto?.subtle?.deriveBits === "function";
  return subtle && (await argon2.works());
}

/** Answers requests by these functions. */
export function serve(work) {
  addEventListener("message", async ({ data: { number, what, values } }) => {
    try {
      const result = await work[what](values, (part) => postMessage({ number, part }));
      postMessage({ number, result });
    } catch (error) {
      postMessage({ number, code: error instanceof Refusal ? error.code : "seal.internal" });
    }
  });
}
