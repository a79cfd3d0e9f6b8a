// Whether something secret is in what a browser has sent, however it is written.

/** The ways in which a text leaves a browser: plain, for URLs, in base64 at each of three places, as hexadecimal. */
function forms(secret) {
  const octets = Buffer.from(secret, "utf8");
  const forms = [
    octets,
    Buffer.from(secret, "utf16le"),
    Buffer.from(encodeURIComponent(secret)),
    Buffer.from(encodeURIComponent(secret).replaceAll("%20", "+")),
    Buffer.from(JSON.stringify(secret).slice(1, -1)),
    Buffer.from(JSON.stringify(secret).slice(1, -1).replace(/[^\x00-\x7f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)),
    Buffer.from(octets.toString("hex")),
    Buffer.from(octets.toString("hex").toUpperCase()),
  ];
  for (const before of [0, 1, 2]) {
    const text = Buffer.concat([Buffer.alloc(before), octets]).toString("base64");
    // Without what depends on what is before and after it.
    const inner = text.slice(before === 0 ? 0 : before + 1, -4).replace(/=+$/, "");
    forms.push(Buffer.from(inner), Buffer.from(inner.replaceAll("+", "-").replaceAll("/", "_")));
  }
  return forms;
}

export function leaks(sent, secrets) {
  return secrets.filter((secret) => forms(secret).some((form) => sent.includes(form)));
}
