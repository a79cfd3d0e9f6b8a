// A message is opened: the session key by WebCrypto, the content by OpenPGP.js. Nothing is given out before the last tag
// is checked.

import * as openpgp from "openpgp";
import { Refusal } from "./refusal.js";
import { same } from "./bytes.js";
import { SKESK_CONTEXT, commitment, gcm, keyOfSessionKey } from "./keys.js";
import { parse } from "./packets.js";
import { named } from "./profiles.js";

/** Wrong password and damaged message are one: who tries learns no more. */
const failed = () => new Refusal("seal.failed");

/** OpenPGP.js does what it is asked here, and nothing that it could do besides. */
const STRICT = {
  // It is never asked to: the page derives keys itself.
  maxArgon2MemoryExponent: 6,
  // No compression, so no bombs: refused again below, by kind of packet.
  maxDecompressedMessageSize: 0,
  allowUnauthenticatedMessages: false,
  allowUnauthenticatedStream: false,
  ignoreUnsupportedPackets: false,
  ignoreMalformedPackets: false,
  enforceGrammar: true,
};

/**
 * The content of a message.
 *
 * @param {Uint8Array} message in its binary form
 * @param {Uint8Array} stretched the output of Argon2
 * @param {{salt: Uint8Array, costs: object}} used what that was made with
 */
export async function open(message, stretched, used) {
  const { content } = await openWithKey(message, stretched, used);
  return content;
}

export async function openWithKey(message, stretched, used) {
  const packets = parse(message);
  if (!named(packets.costs)) throw new Refusal("seal.no-profile");
  const { passes, lanes, memoryExponent } = packets.costs;
  const alike =
    same(packets.salt, used.salt) &&
    passes === used.costs.passes &&
    lanes === used.costs.lanes &&
    memoryExponent === used.costs.memoryExponent;
  if (!alike) throw new Refusal("seal.other-parameters");
  const sessionKey = await openSessionKey(packets, stretched);
  // Before the body: this message has one session key, and no other opens it as something else.
  if (!same(await commitment(sessionKey), packets.commitment)) throw new Refusal("seal.unbound");
  return { content: await openData(message, sessionKey), sessionKey };
}

async function openSessionKey({ nonce, esk }, stretched) {
  const key = await gcm(await keyOfSessionKey(stretched), "decrypt");
  const parameters = { name: "AES-GCM", iv: nonce, additionalData: SKESK_CONTEXT, tagLength: 128 };
  try {
    return new Uint8Array(await crypto.subtle.decrypt(parameters, key, esk));
  } catch {
    throw failed();
  }
}

async function openData(message, sessionKey) {
  let inside;
  try {
    const outside = await openpgp.readMessage({ binaryMessage: message, config: STRICT });
    const keys = [{ data: sessionKey, algorithm: "aes256" }];
    inside = await outside.decrypt(undefined, undefined, keys, new Date(), {
      ...openpgp.config,
      ...STRICT,
    });
  } catch {
    throw failed();
  }
  // One literal packet, and padding after it (RFC 9580 §5.14): no compression, no signature, no message within.
  const [literal, ...rest] = inside.packets;
  const { literalData, padding, compressedData } = openpgp.enums.packet;
  if (literal?.constructor.tag === compressedData) throw new Refusal("seal.compressed");
  if (literal?.constructor.tag !== literalData || rest.some((p) => p.constructor.tag !== padding)) {
    throw new Refusal("seal.nested");
  }
  return literal.getBytes();
}
