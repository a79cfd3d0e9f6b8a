// HTML mail, made harmless three times: sanitised here; in a frame without scripts and of an origin of its own; under a
// policy that lets nothing be loaded.

import DOMPurify from "dompurify";
import { FRAME_STYLE } from "./frame-style.js";
import { toBase64 } from "../seal/bytes.js";

const PICTURES = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const FORBIDDEN = ["style", "form", "input", "button", "select", "textarea", "option", "svg", "math", "video", "audio", "picture", "source", "dialog"];

/**
 * The document of the frame, and whether something was taken out that a reader may miss.
 *
 * @param {string} html
 * @param {{id: string|null, type: string, octets: Uint8Array}[]} parts for pictures that the mail brings along
 */
export function frameDocument(html, parts) {
  let removed = false;
  const purifier = DOMPurify(window);
  purifier.addHook("uponSanitizeAttribute", (node, data) => {
    if (data.attrName === "src" && node.nodeName === "IMG") {
      const own = picture(data.attrValue, parts);
      if (own === null) {
        data.keepAttr = false;
        removed = true;
      } else {
        data.attrValue = own;
      }
    } else if (data.attrName === "href") {
      data.keepAttr = /^(https?|mailto|tel):/i.test(data.attrValue.trim());
    } else if (["srcset", "background", "poster", "ping", "action"].includes(data.attrName)) {
      data.keepAttr = false;
      removed = true;
    }
  });
  purifier.addHook("afterSanitizeAttributes", (node) => {
    if (node.nodeName === "A" && node.hasAttribute("href")) {
      node.setAttribute("target", "_blank");
      node.setAttribute("rel", "noopener noreferrer");
    }
  });
  const clean = purifier.sanitize(html, {
    USE_PROFILES: { html: true },
    FORBID_TAGS: FORBIDDEN,
    // The page's policy would refuse inline styles anyway.
    FORBID_ATTR: ["style", "id", "name", "class"],
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    TRUSTED_TYPES_POLICY: policy,
  });
  const missed = (element) => ["script", "iframe", "object", "embed", "video", "audio", "form"].includes(element?.nodeName?.toLowerCase());
  removed ||= purifier.removed.some(({ element }) => missed(element));
  const head = `<!doctype html><html><head><meta charset="utf-8"><meta name="referrer" content="no-referrer"><style>${FRAME_STYLE}</style></head>`;
  return { document: policy.createHTML(`${head}<body>${clean}</body></html>`), removed };
}

/** A picture of the mail itself as a data: URL; null for every other. */
function picture(source, parts) {
  const id = /^cid:(.+)$/i.exec(source.trim())?.[1];
  if (id === undefined) return /^data:image\/(png|jpeg|gif|webp);base64,/i.test(source) ? source : null;
  let plain = id;
  try {
    plain = decodeURIComponent(id);
  } catch {
    // It is written as it is.
  }
  const part = parts.find((p) => p.id === plain && PICTURES.includes(p.type));
  return part ? `data:${part.type};base64,${toBase64(part.octets)}` : null;
}

/** Known to this module alone: only what it has sanitised becomes markup, and only the page's own worker a script. */
const policy = (() => {
  const rules = {
    createHTML: (html) => html,
    createScriptURL: (url) => {
      if (url !== WORKER) throw new TypeError("no script of this page");
      return url;
    },
  };
  return globalThis.trustedTypes?.createPolicy("seal", rules) ?? rules;
})();

export const workerUrl = () => policy.createScriptURL(WORKER);
