import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./load.js";

const seal = await load("src/seal/index.js");
// The costs do not matter here, and the page takes the named ones only: the cheapest of them.
const used = { salt: new Uint8Array(16).fill(7), costs: seal.PROFILES[1] };
const { passes, lanes, memoryExponent } = used.costs;
const stretched = new Uint8Array(32).fill(9);
const refused = (code) => (error) => {
  assert.equal(error.code, code);
  return true;
};

test("Argon2 works, and says how far it is", async () => {
  assert.ok(await seal.works());
  let told = [];
  const costs = { passes: 1, lanes: 4, memoryExponent: 10 };
  const key = await seal.stretch(seal.prepare("password", null), new Uint8Array(16), costs, (part) => told.push(part));
  assert.equal(key.length, 32);
  assert.ok(told.length > 10 && told.every((part, at) => part <= 1 && part >= (told[at - 1] ?? 0)));
});

for (const octets of [0, 1, 65527, 65528, 65529, 3 * 65536]) {
  test(`${octets} octets are sealed and opened`, async () => {
    const content = crypto.getRandomValues(new Uint8Array(Math.min(octets, 65536)));
    const whole = new Uint8Array(octets).fill(1);
    whole.set(content);
    const message = await seal.seal(whole, stretched, used);
    assert.deepEqual(new Uint8Array(await seal.open(message, stretched, used)), whole);
  });
}

test("a message in parts is read", async () => {
  const message = await seal.seal(new Uint8Array(1000), stretched, used);
  const body = message.subarray(87 + 3);
  const first = body.subarray(0, 512);
  const rest = body.subarray(512);
  const tail = Uint8Array.of(192 + ((rest.length - 192) >> 8), (rest.length - 192) & 255);
  const parts = seal.concat(message.subarray(0, 87), Uint8Array.of(0xd2, 0xe9), first, tail, rest);
  assert.equal((await seal.open(parts, stretched, used)).length, 1000);
  const short = seal.concat(message.subarray(0, 87), Uint8Array.of(0xd2, 0xe8), first.subarray(0, 256));
  assert.throws(() => seal.parse(short), refused("seal.short-first-part"));
});

test("what is not one sealed message is refused before any key is used", async () => {
  const message = await seal.seal(new Uint8Array(10), stretched, used);
  const skesk = message.subarray(0, 87);
  const seipd = message.subarray(87);
  const changed = (at, to) => {
    const copy = message.slice();
    copy[at] = to;
    return copy;
  };
  for (const [code, octets] of [
    ["seal.truncated", new Uint8Array()],
    ["seal.truncated", message.subarray(0, message.length - 1)],
    ["seal.legacy-format", changed(0, 0x8c)],
    ["seal.unexpected-packet", seipd],
    ["seal.unexpected-packet", seal.concat(skesk, skesk, seipd)],
    ["seal.trailing-data", seal.concat(message, Uint8Array.of(0))],
    ["seal.trailing-data", seal.concat(message, message)],
    ["seal.session-key-version", changed(2, 4)],
    ["seal.session-key-length", changed(3, 36)],
    ["seal.cipher", changed(4, 7)],
    ["seal.mode", changed(5, 2)],
    ["seal.session-key-length", changed(6, 21)],
    ["seal.s2k", changed(7, 3)],
    ["seal.data-version", changed(89, 1)],
    ["seal.cipher", changed(90, 7)],
    ["seal.mode", changed(91, 2)],
    ["seal.chunk-size", changed(92, 17)],
  ]) {
    assert.throws(() => seal.parse(octets), refused(code), code);
  }
});

test("only the named profiles are opened, and only with what the key was made with", async () => {
  const weak = { salt: used.salt, costs: { passes: 1, lanes, memoryExponent } };
  const message = await seal.seal(new Uint8Array(10), stretched, weak);
  await assert.rejects(seal.open(message, stretched, weak), refused("seal.no-profile"));
  const good = await seal.seal(new Uint8Array(10), stretched, used);
  const other = { salt: new Uint8Array(16), costs: { passes, lanes, memoryExponent } };
  await assert.rejects(seal.open(good, stretched, other), refused("seal.other-parameters"));
});

test("a wrong password and every damage are one error, and give nothing out", async () => {
  const content = new Uint8Array(70000).fill(65);
  const message = await seal.seal(content, stretched, used);
  await assert.rejects(seal.open(message, new Uint8Array(32), used), refused("seal.failed"));
  // The nonce, the session key, the first chunk, its tag, the second chunk, the last tag.
  for (const at of [30, 60, 200, 65700, 66000, message.length - 1]) {
    const damaged = message.slice();
    damaged[at] ^= 1;
    await assert.rejects(seal.open(damaged, stretched, used), refused("seal.failed"), `octet ${at}`);
  }
});

test("a message that is bound to no key is refused", async () => {
  const message = await seal.seal(new Uint8Array(10), stretched, used);
  message[100] ^= 1; // in the salt
  await assert.rejects(seal.open(message, stretched, used), refused("seal.unbound"));
});

test("a password is mapped, and never rejected", () => {
  const text = (...args) => new TextDecoder().decode(seal.prepare(...args));
  assert.equal(text("a\u00a0b\u3000c", null), "a b c");
  assert.equal(text("Å", null), "Å");
  assert.equal(text(" Ab ", null), " Ab ");
  assert.equal(text("x", "AAAA"), "x#AAAA");
});

test("there is one text for each value", () => {
  const text = seal.toBase64Url(new Uint8Array(16).fill(0xfb));
  assert.equal(text, "-_v7-_v7-_v7-_v7-_v7-w");
  assert.ok(seal.fromBase64Url(text, 16));
  for (const other of ["", text + "==", text.slice(0, -1) + "x", text + "A", "+" + text.slice(1)]) {
    assert.equal(seal.fromBase64Url(other, 16), null);
  }
});
