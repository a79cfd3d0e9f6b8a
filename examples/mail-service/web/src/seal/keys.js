// The keys of a sealed message, by WebCrypto. RFC 9580 §3.7.2.1 and §5.13.2 say how they are derived; two labels are
// Letterlock's own: that of the access proof, and that of the commitment to the session key.

const EMPTY = new Uint8Array();
const utf8 = (text) => new TextEncoder().encode(text);

const PROOF = utf8("letterlock access proof v1");
const COMMITMENT = utf8("letterlock seal salt v1");

/** RFC 9580 §5.3.2: tag, version, AES-256, GCM. The information of HKDF, and what the tag authenticates. */
export const SKESK_CONTEXT = Uint8Array.of(0xc3, 6, 9, 3);

/** RFC 9580 §5.13.2: tag, version, AES-256, GCM, chunk size. */
export function seipdContext(chunkExponent) {
  return Uint8Array.of(0xd2, 2, 9, 3, chunkExponent);
}

export async function hkdf(secret, salt, info, length) {
  const key = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const parameters = { name: "HKDF", hash: "SHA-256", salt, info };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, length * 8));
}

export function gcm(key, usage) {
  return crypto.subtle.importKey("raw", key, "AES-GCM", false, [usage]);
}

/** What opens the encrypted session key, from the output of Argon2. */
export function keyOfSessionKey(stretched) {
  return hkdf(stretched, EMPTY, SKESK_CONTEXT, 32);
}

/** What the server wants to see before it gives the message out. It opens nothing. */
export function accessProof(stretched) {
  return hkdf(stretched, EMPTY, PROOF, 32);
}

/** The salt that a message with this session key must have: what binds it to this key alone. */
export function commitment(sessionKey) {
  return hkdf(sessionKey, EMPTY, COMMITMENT, 32);
}

export async function sha256(octets) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", octets));
}
