// Octets: joined, compared, and written as base64url (RFC 4648 §5, without padding).

export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Whether both are the same; the time does not tell where they differ. */
export function same(one, other) {
  if (one.length !== other.length) return false;
  let differences = 0;
  for (let at = 0; at < one.length; at += 1) differences |= one[at] ^ other[at];
  return differences === 0;
}

export function toBase64(octets) {
  let text = "";
  for (let at = 0; at < octets.length; at += 0x8000) {
    text += String.fromCharCode(...octets.subarray(at, at + 0x8000));
  }
  return btoa(text);
}

export function toBase64Url(octets) {
  return toBase64(octets).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** What `toBase64Url` gave, of this many octets; null for anything else. */
export function fromBase64Url(text, length) {
  if (typeof text !== "string" || !/^[A-Za-z0-9_-]*$/.test(text)) return null;
  let octets;
  try {
    octets = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  } catch {
    return null;
  }
  // There is one text for each value: no bits beyond the last octet.
  return octets.length === length && toBase64Url(octets) === text ? octets : null;
}

export function random(length) {
  return crypto.getRandomValues(new Uint8Array(length));
}
