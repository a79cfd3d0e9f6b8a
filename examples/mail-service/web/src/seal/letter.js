// The mail inside of a sealed message: text, and attachments (RFC 5322, RFC 2045, RFC 2047, RFC 2231).

import { concat, random, toBase64, toBase64Url } from "./bytes.js";

const CRLF = "\r\n";
const utf8 = (text) => new TextEncoder().encode(text);

/**
 * @param {{from?: string, to?: string, subject: string, text: string,
 *   files: {name: string, type: string, octets: Uint8Array}[]}} mail
 */
export function compose({ from = null, to = null, subject, text, files }) {
  const head = [
    ...(from === null ? [] : [`From: <${address(from)}>`]),
    ...(to === null ? [] : [`To: <${address(to)}>`]),
    `Subject: ${encodedWords(subject)}`,
    `Date: ${new Date().toUTCString().replace("GMT", "+0000")}`,
    "MIME-Version: 1.0",
  ];
  const body = part(
    ["Content-Type: text/plain; charset=utf-8"],
    utf8(text.replace(/\r\n?|\n/g, CRLF)),
  );
  if (files.length === 0) return concat(utf8(head.join(CRLF) + CRLF), body);
  const boundary = `=_${toBase64Url(random(18))}`;
  head.push(`Content-Type: multipart/mixed; boundary="${boundary}"`);
  const parts = [body, ...files.map(attachment)].flatMap((octets) => [
    utf8(`${CRLF}--${boundary}${CRLF}`),
    octets,
  ]);
  return concat(utf8(head.join(CRLF) + CRLF), ...parts, utf8(`${CRLF}--${boundary}--${CRLF}`));
}

/** RFC 6532 §3.2: in UTF-8. Nothing of it begins another field. */
function address(text) {
  return text.replace(/[\p{Cc}\s<>]+/gu, "");
}

function attachment({ name, type, octets }) {
  const safe = /^[\w.+-]+\/[\w.+-]+$/.test(type) ? type : "application/octet-stream";
  return part([`Content-Type: ${safe}`, `Content-Disposition: attachment;${CRLF} ${parameter("filename", name)}`], octets);
}

/** A part in base64, in lines of 76 (RFC 2045 §6.8). */
function part(head, octets) {
  const lines = [];
  for (let at = 0; at < octets.length; at += 57) lines.push(toBase64(octets.subarray(at, at + 57)));
  return utf8([...head, "Content-Transfer-Encoding: base64", "", ...lines, ""].join(CRLF));
}

/** RFC 2231 §3 and §4: lines stay short, and every octet that is not plain is written as %XX. */
function parameter(key, value) {
  const written = Array.from(utf8(value), (octet) => {
    const c = String.fromCharCode(octet);
    return /[A-Za-z0-9._-]/.test(c) ? c : `%${octet.toString(16).toUpperCase().padStart(2, "0")}`;
  });
  const pieces = [""];
  for (const c of written) {
    if (pieces.at(-1).length + c.length > 50) pieces.push("");
    pieces[pieces.length - 1] += c;
  }
  return pieces.map((piece, at) => `${key}*${at}*=${at === 0 ? "utf-8''" : ""}${piece}`).join(`;${CRLF} `);
}

/** RFC 2047 §2: words of at most 75 characters, none of which cuts a character. */
function encodedWords(text) {
  const plain = text.replace(/[\p{Cc}]+/gu, " ");
  if (/^[\x20-\x7e]{0,60}$/.test(plain) && !plain.includes("=?")) return plain;
  const words = [];
  let word = [];
  for (const c of plain) {
    const octets = utf8(c);
    if (word.length + octets.length > 42) {
      words.push(word);
      word = [];
    }
    word.push(...octets);
  }
  words.push(word);
  return words.map((octets) => `=?utf-8?B?${toBase64(Uint8Array.from(octets))}?=`).join(`${CRLF} `);
}
