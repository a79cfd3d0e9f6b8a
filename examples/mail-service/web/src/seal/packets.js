// The two packets of a sealed message (RFC 9580), read strictly before anything is computed from a password: exactly
// one session key packet, exactly one packet of encrypted data, and nothing after it.

import { Refusal } from "./refusal.js";
import { concat } from "./bytes.js";

const SKESK = 0xc3;
const SEIPD = 0xd2;
const SKESK_OCTETS = 85;
const SEIPD_HEADER = 36;
const TAG = 16;
const SHORTEST_FIRST_PART = 512;
/** RFC 9580 §5.13.2: no chunk is larger than 4 MiB. */
const MOST_CHUNK_EXPONENT = 16;

class Reader {
  constructor(octets) {
    this.octets = octets;
    this.at = 0;
  }

  take(length) {
    if (this.octets.length - this.at < length) throw new Refusal("seal.truncated");
    this.at += length;
    return this.octets.subarray(this.at - length, this.at);
  }

  octet() {
    return this.take(1)[0];
  }

  /** RFC 9580 §4.2.1: the length of a packet or of a part of it. */
  length() {
    const first = this.octet();
    if (first < 192) return { length: first, partial: false };
    if (first < 224) return { length: ((first - 192) << 8) + this.octet() + 192, partial: false };
    if (first < 255) return { length: 2 ** (first & 0x1f), partial: true };
    const [a, b, c, d] = this.take(4);
    return { length: a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d, partial: false };
  }

  /** The content of a packet that begins with this tag; several parts are joined. */
  packet(tag) {
    const first = this.octet();
    if ((first & 0xc0) !== 0xc0) throw new Refusal("seal.legacy-format");
    if (first !== tag) throw new Refusal("seal.unexpected-packet");
    let { length, partial } = this.length();
    if (!partial) return this.take(length);
    // RFC 9580 §4.2.1.4: only data may come in parts, and the first has at least 512 octets.
    if (tag !== SEIPD) throw new Refusal("seal.partial-length");
    if (length < SHORTEST_FIRST_PART) throw new Refusal("seal.short-first-part");
    const parts = [this.take(length)];
    while (partial) {
      ({ length, partial } = this.length());
      parts.push(this.take(length));
    }
    return concat(...parts);
  }
}

/** Reads a message in its binary form. */
export function parse(octets) {
  const reader = new Reader(octets);
  const session = sessionKey(reader.packet(SKESK));
  const data = encryptedData(reader.packet(SEIPD));
  if (reader.at !== octets.length) throw new Refusal("seal.trailing-data");
  return { ...session, ...data };
}

/** RFC 9580 §5.3.2. */
function sessionKey(packet) {
  if (packet[0] !== 6) throw new Refusal("seal.session-key-version");
  if (packet.length !== SKESK_OCTETS || packet[1] !== 35 || packet[4] !== 20) {
    throw new Refusal("seal.session-key-length");
  }
  if (packet[2] !== 9) throw new Refusal("seal.cipher");
  if (packet[3] !== 3) throw new Refusal("seal.mode");
  // RFC 9580 §3.7.1.4.
  if (packet[5] !== 4) throw new Refusal("seal.s2k");
  return {
    salt: packet.slice(6, 22),
    costs: { passes: packet[22], lanes: packet[23], memoryExponent: packet[24] },
    nonce: packet.slice(25, 37),
    // 32 octets of key and 16 of tag, never more: a longer one could hold keys for several passwords.
    esk: packet.slice(37, 85),
  };
}

/** RFC 9580 §5.13.2. */
function encryptedData(packet) {
  if (packet[0] !== 2) throw new Refusal("seal.data-version");
  if (packet[1] !== 9) throw new Refusal("seal.cipher");
  if (packet[2] !== 3) throw new Refusal("seal.mode");
  if (packet[3] > MOST_CHUNK_EXPONENT) throw new Refusal("seal.chunk-size");
  if (packet.length < SEIPD_HEADER + 2 * TAG) throw new Refusal("seal.truncated");
  return { chunkExponent: packet[3], commitment: packet.slice(4, SEIPD_HEADER) };
}
