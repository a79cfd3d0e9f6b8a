// A message is sealed, by WebCrypto alone: OpenPGP.js would pick a salt of its own, and this one commits to the key.

import { concat, random } from "./bytes.js";
import { SKESK_CONTEXT, commitment, gcm, hkdf, keyOfSessionKey, seipdContext } from "./keys.js";

/** 64 KiB (RFC 9580 §5.13.2). */
const CHUNK_EXPONENT = 10;
const CHUNK = 2 ** (CHUNK_EXPONENT + 6);
const TAG = 16;

/**
 * Seals octets under the output of Argon2 for a fresh salt.
 *
 * @param {Uint8Array} content
 * @param {Uint8Array} stretched
 * @param {{salt: Uint8Array, costs: object}} used what that was made with
 */
export function seal(content, stretched, used) {
  return sealWith(content, stretched, used, random(32), random(12));
}

/** As `seal`, with a session key and a nonce of the caller's, who never uses them again. */
export async function sealWith(content, stretched, { salt, costs }, sessionKey, nonce) {
  const key = await gcm(await keyOfSessionKey(stretched), "encrypt");
  const parameters = { name: "AES-GCM", iv: nonce, additionalData: SKESK_CONTEXT, tagLength: 128 };
  const esk = new Uint8Array(await crypto.subtle.encrypt(parameters, key, sessionKey));
  // RFC 9580 §5.3.2 and §3.7.1.4.
  const header = Uint8Array.of(6, 35, 9, 3, 20, 4);
  const { passes, lanes, memoryExponent } = costs;
  const skesk = concat(header, salt, Uint8Array.of(passes, lanes, memoryExponent), nonce, esk);
  const seipd = await encrypt(literal(content), sessionKey);
  return concat(packetHeader(0xc3, skesk.length), skesk, packetHeader(0xd2, seipd.length), seipd);
}

/** RFC 9580 §4.2.1: always a definite length. */
function packetHeader(tag, length) {
  if (length < 192) return Uint8Array.of(tag, length);
  if (length < 8384) return Uint8Array.of(tag, ((length - 192) >> 8) + 192, (length - 192) & 0xff);
  const long = new Uint8Array(6);
  long.set([tag, 255]);
  new DataView(long.buffer).setUint32(2, length);
  return long;
}

/** RFC 9580 §5.9: binary, without a name, without a date. */
function literal(content) {
  const body = Uint8Array.of(0x62, 0, 0, 0, 0, 0);
  return concat(packetHeader(0xcb, body.length + content.length), body, content);
}

/** RFC 9580 §5.13.2: chunks, and a last tag that says how many octets there were. */
async function encrypt(plain, sessionKey) {
  const salt = await commitment(sessionKey);
  const context = seipdContext(CHUNK_EXPONENT);
  const derived = await hkdf(sessionKey, salt, context, 40);
  const key = await gcm(derived.subarray(0, 32), "encrypt");
  const nonce = (index) => {
    const iv = new Uint8Array(12);
    iv.set(derived.subarray(32, 36));
    new DataView(iv.buffer).setBigUint64(4, BigInt(index));
    return iv;
  };
  const run = async (index, additionalData, octets) => {
    const parameters = { name: "AES-GCM", iv: nonce(index), additionalData, tagLength: 128 };
    return new Uint8Array(await crypto.subtle.encrypt(parameters, key, octets));
  };
  const chunks = Math.ceil(plain.length / CHUNK);
  const sealed = new Uint8Array(36 + plain.length + (chunks + 1) * TAG);
  sealed.set(context.subarray(1), 0);
  sealed.set(salt, 4);
  let at = 36;
  for (let index = 0; index < chunks; index += 1) {
    const chunk = await run(index, context, plain.subarray(index * CHUNK, (index + 1) * CHUNK));
    sealed.set(chunk, at);
    at += chunk.length;
  }
  const total = new Uint8Array(8);
  new DataView(total.buffer).setBigUint64(0, BigInt(plain.length));
  sealed.set(await run(chunks, concat(context, total), new Uint8Array()), at);
  return sealed;
}
