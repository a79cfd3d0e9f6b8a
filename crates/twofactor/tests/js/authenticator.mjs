// Run by tests/passkey_js.rs: a browser's `navigator.credentials` with an authenticator of Node's own cryptography behind it,
// asked through the JavaScript module. Reads { registration, origin } and then { login } from standard input, a line each,
// and answers a line each.

import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { createInterface } from "node:readline";
import { login, octets, PasskeyError, register, supported, text } from "../../js/passkey.mjs";

const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const id = randomBytes(32);
const sha256 = (data) => createHash("sha256").update(data).digest();
let user = null;
let counter = 0;
let origin = "";

// Browsers give ArrayBuffers, never views.
const buffer = (octets) => octets.buffer.slice(octets.byteOffset, octets.byteOffset + octets.byteLength);
const isOctets = (value) => value instanceof Uint8Array || value instanceof ArrayBuffer;

function check(condition, what) {
  if (!condition) throw new TypeError(what);
}

function client(type, challenge) {
  check(isOctets(challenge) && challenge.byteLength >= 16, "challenge");
  return Buffer.from(JSON.stringify({ type, challenge: text(challenge), origin, crossOrigin: false }));
}

function data(party, flags) {
  const number = Buffer.alloc(4);
  number.writeUInt32BE(counter);
  return Buffer.concat([sha256(party), Buffer.from([flags]), number]);
}

function cbor(value) {
  const head = (major, n) =>
    n < 24 ? [(major << 5) | n] : n < 256 ? [(major << 5) | 24, n] : [(major << 5) | 25, n >> 8, n & 255];
  if (typeof value === "number") return Buffer.from(value < 0 ? head(1, -1 - value) : head(0, value));
  if (typeof value === "string") return Buffer.concat([Buffer.from(head(3, value.length)), Buffer.from(value)]);
  if (Buffer.isBuffer(value)) return Buffer.concat([Buffer.from(head(2, value.length)), value]);
  return Buffer.concat([Buffer.from(head(5, value.length)), ...value.flat().map(cbor)]);
}

const credentials = {
  async create({ publicKey: asked }) {
    check(asked.excludeCredentials.every((one) => isOctets(one.id)), "excludeCredentials");
    if (asked.excludeCredentials.some((one) => id.equals(Buffer.from(one.id)))) {
      throw new DOMException("there already", "InvalidStateError");
    }
    check(isOctets(asked.user.id), "user.id");
    check(asked.pubKeyCredParams.some((one) => one.alg === -7), "pubKeyCredParams");
    user = Buffer.from(asked.user.id);
    const { x, y } = publicKey.export({ format: "jwk" });
    const key = cbor([[1, 2], [3, -7], [-1, 1], [-2, Buffer.from(x, "base64url")], [-3, Buffer.from(y, "base64url")]]);
    const authData = Buffer.concat([data(asked.rp.id, 0x45), Buffer.alloc(16), Buffer.from([0, id.length]), id, key]);
    return {
      id: text(id),
      rawId: buffer(id),
      type: "public-key",
      response: {
        attestationObject: buffer(cbor([["fmt", "none"], ["attStmt", []], ["authData", authData]])),
        clientDataJSON: buffer(client("webauthn.create", asked.challenge)),
        getTransports: () => ["internal", "hybrid"],
      },
    };
  },
  async get({ publicKey: asked }) {
    if (!asked.allowCredentials.some((one) => isOctets(one.id) && id.equals(Buffer.from(one.id)))) {
      throw new DOMException("none of these", "NotAllowedError");
    }
    counter += 1;
    const clientDataJSON = client("webauthn.get", asked.challenge);
    const authenticatorData = data(asked.rpId, 0x05);
    const signature = sign("sha256", Buffer.concat([authenticatorData, sha256(clientDataJSON)]), privateKey);
    return {
      id: text(id),
      rawId: buffer(id),
      type: "public-key",
      response: {
        authenticatorData: buffer(authenticatorData),
        clientDataJSON: buffer(clientDataJSON),
        signature: buffer(signature),
        userHandle: buffer(user),
      },
    };
  },
};

async function code(promise) {
  try {
    return `no error: ${await promise}`;
  } catch (error) {
    return error instanceof PasskeyError && error.message === error.code ? error.code : `other: ${error}`;
  }
}

const failing = (name) => ({
  get: async () => {
    throw new DOMException("no", name);
  },
});

async function answer(line) {
  const asked = JSON.parse(line);
  origin = asked.origin ?? origin;
  if (asked.registration !== undefined) return { answer: await register(asked.registration, { credentials }) };
  if (asked.again !== undefined) return { code: await code(register(asked.again, { credentials })) };
  if (asked.login !== undefined) return { answer: await login(asked.login, { credentials }) };
  if (asked.failing !== undefined) return { code: await code(login(asked.failing[1], { credentials: failing(asked.failing[0]) })) };
  if (asked.nothing !== undefined) return { code: await code(login(asked.nothing, { credentials: { get: async () => null } })) };
  if (asked.malformed !== undefined) return { codes: [await code(login(asked.malformed, { credentials })), await code(register(asked.malformed, { credentials }))] };
  if (asked.octets !== undefined) {
    let decoded;
    try {
      decoded = octets(asked.octets);
    } catch {
      return { refused: true };
    }
    return { numbers: [...decoded], text: text(decoded), view: text(decoded.subarray(1)), buffer: text(decoded.buffer) };
  }
  const scope = (value) => ({ PublicKeyCredential: value, navigator: { credentials: { get() {} } } });
  return { supported: [supported(), supported(scope(undefined)), supported(scope(class {})), supported({ PublicKeyCredential: class {} })] };
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
}
