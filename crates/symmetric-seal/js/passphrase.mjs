// The agreed password in a browser, prepared as symmetric-seal's `Passphrase` does it (RFC 8265, OpaqueString).
// Without dependencies. `opaque-string.mjs` beside it is generated out of the Rust crate; a test compares both sides
// over all code points.

import * as TABLE from "./opaque-string.mjs";

export const MIN_OCTETS = 8;
export const MAX_OCTETS = 1024;

/** What opens: every space becomes U+0020, then NFC. Nothing is refused. */
export function forOpening(text) {
  return text.replace(SPACES, " ").normalize("NFC");
}

/**
 * What may seal: `{ text }`, or `{ refused, position }` with a code of `PassphraseError` and the position of the
 * character, counted in code points from 0, if only one is to blame.
 */
export function forSealing(text) {
  if (octets(text).length > MAX_OCTETS) return refused("passphrase.long");
  const points = Array.from(text, (c) => c.codePointAt(0));
  for (const [position, point] of points.entries()) {
    if (has("tooNew", point)) return refused("passphrase.too-new", position);
    if (isSurrogate(point) || has("disallowed", point)) return refused("passphrase.disallowed", position);
  }
  for (const position of points.keys()) {
    if (!fits(points, position)) return refused("passphrase.context");
  }
  const prepared = forOpening(text);
  const length = octets(prepared).length;
  if (length < MIN_OCTETS) return refused("passphrase.short");
  if (length > MAX_OCTETS) return refused("passphrase.long");
  return { text: prepared };
}

/** A prepared password and the secret of the link's fragment, as one. */
export function bindTo(prepared, secret) {
  return `${prepared}#${secret}`;
}

/** What goes into Argon2. */
export function octets(text) {
  return new TextEncoder().encode(text);
}

const SPACES = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g;
const ZWNJ = 0x200c;
const ZWJ = 0x200d;

function refused(code, position = null) {
  return { refused: code, position };
}

function isSurrogate(point) {
  return point >= 0xd800 && point <= 0xdfff;
}

// RFC 5892 appendix A: what may stand only beside certain others.
function fits(points, at) {
  const point = points[at];
  const before = points[at - 1];
  const after = points[at + 1];
  if (point === ZWNJ) return fitsNonJoiner(points, at);
  if (point === ZWJ) return has("virama", before);
  if (point === 0xb7) return before === 0x6c && after === 0x6c;
  if (point === 0x375) return has("greek", after);
  if (point === 0x5f3 || point === 0x5f4) return has("hebrew", before);
  if (point === 0x30fb) return points.some((other) => has("kanaOrHan", other));
  if (isArabicIndic(point)) return !points.some(isExtendedArabicIndic);
  if (isExtendedArabicIndic(point)) return !points.some(isArabicIndic);
  return true;
}

function fitsNonJoiner(points, at) {
  if (has("virama", points[at - 1])) return true;
  let left = at - 1;
  while (has("transparent", points[left])) left -= 1;
  let right = at + 1;
  while (has("transparent", points[right])) right += 1;
  return has("joinsLeft", points[left]) && has("joinsRight", points[right]);
}

function isArabicIndic(point) {
  return point >= 0x660 && point <= 0x669;
}

function isExtendedArabicIndic(point) {
  return point >= 0x6f0 && point <= 0x6f9;
}

// Ranges: alternately how many points are out and how many are in, in base 36.
const ranges = new Map();

function rangesOf(name) {
  let bounds = ranges.get(name);
  if (bounds === undefined) {
    let bound = 0;
    bounds = Uint32Array.from(TABLE[name].split(" "), (count) => (bound += parseInt(count, 36)));
    ranges.set(name, bounds);
  }
  return bounds;
}

/** Whether a class has the point: whether an odd number of bounds is at or below it. */
function has(name, point) {
  if (point === undefined) return false;
  const bounds = rangesOf(name);
  let [low, high] = [0, bounds.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (bounds[middle] <= point) low = middle + 1;
    else high = middle;
  }
  return low % 2 === 1;
}
