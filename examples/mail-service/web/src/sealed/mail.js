// The mail inside of a sealed message (RFC 5322, RFC 2045), as plain values for the page.

import PostalMime from "postal-mime";
import { Refusal } from "../seal/refusal.js";

const LIMITS = { maxNestingDepth: 20, maxHeadersSize: 256 * 1024 };
const MOST_NAME = 120;

export async function read(octets) {
  let mail;
  try {
    mail = await PostalMime.parse(octets, {
      ...LIMITS,
      attachmentEncoding: "arraybuffer",
      forceRfc822Attachments: true,
    });
  } catch {
    throw new Refusal("seal.mail");
  }
  return {
    subject: line(mail.subject),
    from: addresses(mail.from ? [mail.from] : []),
    to: addresses(mail.to ?? []),
    date: date(mail.date),
    text: mail.text?.replace(/\r\n?/g, "\n") ?? null,
    html: mail.html ?? null,
    attachments: (mail.attachments ?? []).map((part) => ({
      name: fileName(part.filename),
      type: /^[\w.+-]+\/[\w.+-]+$/.test(part.mimeType ?? "") ? part.mimeType.toLowerCase() : "application/octet-stream",
      id: typeof part.contentId === "string" ? part.contentId.replace(/^<|>$/g, "") : null,
      within: part.related === true,
      octets: new Uint8Array(part.content),
    })),
  };
}

/** Neither line breaks nor what turns the direction of the writing: a name must not look like another. */
function line(text) {
  return (text ?? "").replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, " ").trim();
}

/** A name that no system takes for a path, a device or something hidden; null if nothing is left. */
export function fileName(name) {
  const plain = line(name).replace(/[/\\:*?"<>|]+/g, "_").replace(/^[.\s]+/, "");
  const points = Array.from(plain);
  if (points.length <= MOST_NAME) return plain || null;
  const dot = points.lastIndexOf(".");
  const ending = dot > 0 && points.length - dot <= 12 ? points.slice(dot) : [];
  return [...points.slice(0, MOST_NAME - ending.length), ...ending].join("");
}

function addresses(list) {
  const flat = list.flatMap((one) => one.group ?? [one]);
  return flat.map(({ name, address }) => line(name && address ? `${name} <${address}>` : (address ?? name)));
}

function date(text) {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? null : Math.floor(time / 1000);
}
