// The page's side of passkeys: what the feature `passkey` of the crate twofactor asks of the browser, and the answer as it
// wants it. Without dependencies. What JSON cannot hold is base64url without padding, on both sides.

/** Whether this browser, on this page, can do it: secure contexts only. */
export function supported(scope = globalThis) {
  return typeof scope.PublicKeyCredential === "function" && typeof scope.navigator?.credentials?.get === "function";
}

/**
 * Registers a passkey: `options` is the text that `begin_registration` gave; what comes is the text for
 * `Attestation::parse`. Fails with a `PasskeyError`.
 */
export async function register(options, { credentials = globalThis.navigator.credentials, signal } = {}) {
  const publicKey = reading(() => {
    const { publicKey: asked } = JSON.parse(options);
    return {
      ...asked,
      challenge: octets(asked.challenge),
      user: { ...asked.user, id: octets(asked.user.id) },
      excludeCredentials: described(asked.excludeCredentials),
    };
  });
  const made = await asking(() => credentials.create({ publicKey, signal }));
  const { response } = made;
  return JSON.stringify({
    ...named(made),
    response: {
      attestationObject: text(response.attestationObject),
      clientDataJSON: text(response.clientDataJSON),
      transports: response.getTransports?.() ?? [],
    },
  });
}

/**
 * Logs in with a passkey: `options` is the text that `begin_login` gave; what comes is the text for `Assertion::parse`.
 * Fails with a `PasskeyError`.
 */
export async function login(options, { credentials = globalThis.navigator.credentials, signal } = {}) {
  const publicKey = reading(() => {
    const { publicKey: asked } = JSON.parse(options);
    return { ...asked, challenge: octets(asked.challenge), allowCredentials: described(asked.allowCredentials) };
  });
  const got = await asking(() => credentials.get({ publicKey, signal }));
  const { response } = got;
  return JSON.stringify({
    ...named(got),
    response: {
      authenticatorData: text(response.authenticatorData),
      clientDataJSON: text(response.clientDataJSON),
      signature: text(response.signature),
      userHandle: response.userHandle === null || response.userHandle === undefined ? null : text(response.userHandle),
    },
  });
}

/**
 * Why there is no answer. `code` is one of
 * `passkey.cancelled`: the user did not want to, or it took too long; browsers do not say which,
 * `passkey.present`: the authenticator holds a passkey of this user already,
 * `passkey.unsupported`: the browser or the authenticator cannot do it,
 * `passkey.page`: this page may not ask for passkeys of that domain,
 * `passkey.options`: what the server asked for cannot be read.
 */
export class PasskeyError extends Error {
  constructor(code, cause) {
    super(code, { cause });
    this.name = "PasskeyError";
    this.code = code;
  }
}

const CODES = {
  NotAllowedError: "passkey.cancelled",
  AbortError: "passkey.cancelled",
  TimeoutError: "passkey.cancelled",
  InvalidStateError: "passkey.present",
  SecurityError: "passkey.page",
};

/** Octets of base64url. Throws for what is none. */
export function octets(base64url) {
  if (typeof base64url !== "string" || !/^[A-Za-z0-9_-]*$/.test(base64url) || base64url.length % 4 === 1) {
    throw new TypeError("not base64url");
  }
  const binary = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (c) => c.charCodeAt(0));
}

/** base64url of an ArrayBuffer, or of a view of one. */
export function text(buffer) {
  const view = ArrayBuffer.isView(buffer)
    ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    : new Uint8Array(buffer);
  let binary = "";
  for (const octet of view) binary += String.fromCharCode(octet);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function described(credentials) {
  return (credentials ?? []).map((one) => ({ ...one, id: octets(one.id) }));
}

function named(credential) {
  const id = text(credential.rawId);
  return { id, rawId: id, type: credential.type, clientExtensionResults: {} };
}

function reading(read) {
  try {
    return read();
  } catch (error) {
    throw new PasskeyError("passkey.options", error);
  }
}

async function asking(ask) {
  let credential;
  try {
    credential = await ask();
  } catch (error) {
    throw new PasskeyError(CODES[error?.name] ?? "passkey.unsupported", error);
  }
  // Some browsers give nothing when the user has closed the window.
  if (credential === null) throw new PasskeyError("passkey.cancelled");
  return credential;
}
