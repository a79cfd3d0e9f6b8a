// Drives the pages of login and account: `node account.js WORLD.json`. Prints a line of JSON for each thing that it has
// shown or not shown.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { Chromium } from "./browser.js";
import { accessible, clean, hasFocus, shot, show, text, visible, world } from "./stage.js";

const { site, login } = world;
const PHONE = { width: 320, height: 640, mobile: true };
const chromium = await Chromium.start(world);
/** What the pages have shown. */
const shown = { key: "", recovery: [] };
/** The last step whose code was used; the service takes those of the step before its own, of this one and the next. */
let used = Math.floor(world.now / 30) - 2;

/** TOTP, of the key as somebody types it, by nothing of ours. */
function code(key, step) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...key.replace(/\s/g, "").toUpperCase()].map((c) => alphabet.indexOf(c).toString(2).padStart(5, "0"));
  const octets = bits.join("").match(/.{8}/g).map((octet) => parseInt(octet, 2));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac("sha1", Buffer.from(octets)).update(counter).digest();
  const at = mac[19] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

/** A code that was not used: there are three of them. */
function fresh() {
  used += 1;
  return code(shown.key, used);
}

const wide = (page) => page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
/** Does what leads to another page. */
const then = (page, act) => Promise.all([page.waitForNavigation({ waitUntil: "load" }), act()]);
const press = (page) => then(page, () => page.keyboard.press("Enter"));
const click = (page, selector) => then(page, () => page.click(selector));
const go = (page, path) => page.goto(`${site}${path}`, { waitUntil: "load" });
const at = (page) => new URL(page.url()).pathname;

/** A page as it is to be: nothing that cannot be used or read, and nothing too wide. */
async function sound(page, name) {
  await accessible(page);
  assert.ok(!(await wide(page)), "nothing is wider than the window");
  await shot(page, `account-${name}`);
}

async function password(page) {
  await go(page, "/login");
  await hasFocus(page, "user");
  await page.type("#user", login.user);
  await page.type("#password", login.password);
  await press(page);
}

let owner;

await show("somebody logs in by keyboard, with what the browser has kept for it", async () => {
  owner = await chromium.page();
  await go(owner, "/login");
  await sound(owner, "login");
  const fields = await owner.$$eval("main input:not([type=hidden])", (all) => all.map((field) => field.autocomplete));
  assert.deepEqual(fields, ["username", "current-password"]);
  await owner.type("#user", login.user);
  await owner.type("#password", "not the password");
  await press(owner);
  assert.equal(await text(owner, "#password-error"), "Address and password do not fit together.");
  assert.equal(await owner.$eval("#user", (field) => field.value), login.user);
  await hasFocus(owner, "password");
  await sound(owner, "login-wrong");
  await owner.type("#password", login.password);
  await press(owner);
  assert.equal(at(owner), "/account");
  assert.match(await text(owner, "main"), /second factor is off/);
  await sound(owner, "overview-off");
  const cookies = await owner.cookies();
  for (const { name, secure, httpOnly, sameSite } of cookies) {
    assert.ok(name.startsWith("__Host-") && secure && httpOnly && sameSite === "Strict", name);
  }
  assert.equal(await owner.evaluate(() => document.cookie), "");
  await clean(owner);
});

await show("an app is set up by typing the key, and its code switches it on", async () => {
  await click(owner, 'a.button[href="/account/second-factor"]');
  await sound(owner, "factor-off");
  await click(owner, 'form[action$="/enrol"] button');
  shown.key = await text(owner, "#key");
  assert.match(shown.key, /^([A-Z2-7]{4} ?)+$/);
  const picture = await owner.$eval(".qr", (image) => [image.complete, image.naturalWidth > 0]);
  assert.deepEqual(picture, [true, true], "the QR code is shown");
  await sound(owner, "enrol");
  const inputs = await owner.$eval("#code", (field) => [field.autocomplete, field.inputMode]);
  assert.deepEqual(inputs, ["one-time-code", "numeric"]);
  await owner.type("#code", "000000");
  await press(owner);
  assert.match(await text(owner, "#code-error"), /another code/);
  await sound(owner, "enrol-wrong");
  await owner.type("#code", fresh());
  await press(owner);
  shown.recovery = await owner.$$eval("#codes li", (items) => items.map((item) => item.textContent));
  assert.equal(shown.recovery.length, 10);
  assert.match(await text(owner, "#app-password"), /^([a-z0-9]{4}-?){8}$/);
  assert.match(await text(owner, "main"), new RegExp(`${login.user}.*POP3, SSL/TLS`, "s"));
  await sound(owner, "enrolled");
  await click(owner, "a.button");
  await sound(owner, "factor-on");
  await clean(owner);
});

await show("password, code, and in", async () => {
  const page = await chromium.page();
  await password(page);
  assert.equal(at(page), "/login/code");
  await hasFocus(page, "code");
  await sound(page, "code");
  const once = fresh();
  await page.type("#code", once);
  await press(page);
  assert.equal(at(page), "/account");
  await sound(page, "overview");
  await click(page, 'form[action="/logout"] button');
  assert.match(await text(page, "main"), /You have logged out/);
  await password(page);
  await page.type("#code", once);
  await press(page);
  assert.match(await text(page, "#code-error"), /used already/);
  await sound(page, "code-used");
  await page.click("summary");
  await page.type("#recovery", shown.recovery[0].toLowerCase());
  await press(page);
  assert.equal(at(page), "/account");
  assert.match(await text(page, "main"), /Recovery codes left: 9/);
  await clean(page);
  await page.close();
});

await show("a passkey is registered, and logs in after the password", async () => {
  const page = await chromium.page();
  const session = await page.createCDPSession();
  await session.send("WebAuthn.enable");
  const options = { protocol: "ctap2", transport: "usb", hasResidentKey: false, hasUserVerification: true, isUserVerified: true };
  const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", {
    options: { ...options, automaticPresenceSimulation: true },
  });
  await password(page);
  await page.type("#code", fresh());
  await press(page);
  await go(page, "/account/passkeys");
  await sound(page, "passkeys-none");
  await page.type("#name", "blue <key>");
  await press(page);
  assert.match(await text(page, ".list"), /blue <key>/);
  await sound(page, "passkeys");
  const { credentials } = await session.send("WebAuthn.getCredentials", { authenticatorId });
  assert.equal(credentials.length, 1);
  assert.equal(credentials[0].rpId, new URL(site).hostname);
  await click(page, 'form[action="/logout"] button');
  await password(page);
  await sound(page, "code-or-passkey");
  await click(page, 'form[action="/login/passkey"] button');
  assert.equal(at(page), "/account");
  assert.match(await text(page, "main"), /password and passkey/);
  // The same authenticator is not registered twice.
  await go(page, "/account/passkeys");
  await page.type("#name", "again");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("form[data-passkey] .error").textContent !== "");
  await sound(page, "passkey-failed");
  // Without the authenticator the page says so, and the code works all the same.
  await click(page, 'form[action="/logout"] button');
  await session.send("WebAuthn.removeVirtualAuthenticator", { authenticatorId });
  await session.send("WebAuthn.addVirtualAuthenticator", { options: { ...options, automaticPresenceSimulation: true } });
  await password(page);
  await page.click('form[action="/login/passkey"] button');
  await page.waitForFunction(() => document.querySelector("form[data-passkey] .error").textContent !== "");
  await page.click("summary");
  await page.type("#recovery", shown.recovery[1]);
  await press(page);
  await go(page, "/account/passkeys");
  await click(page, ".list button.danger");
  assert.doesNotMatch(await text(page, "main"), /blue <key>/);
  await clean(page);
  await page.close();
});

await show("every page is sound in the dark, in German, and 320 pixels wide", async () => {
  const page = await chromium.page({ ...PHONE, dark: true, language: "de-DE" });
  await page.setExtraHTTPHeaders({ "accept-language": "de-DE,de" });
  await go(page, "/login");
  assert.equal(await page.evaluate(() => document.documentElement.lang), "de");
  await sound(page, "phone-login");
  await page.type("#user", login.user);
  await page.type("#password", login.password);
  await press(page);
  await sound(page, "phone-code");
  await page.click("summary");
  await page.type("#recovery", shown.recovery[2]);
  await press(page);
  for (const [path, name] of [
    ["", "overview"],
    ["/sessions", "sessions"],
    ["/second-factor", "factor"],
    ["/app-passwords", "apps"],
    ["/passkeys", "passkeys"],
    ["/password", "password"],
  ]) {
    await go(page, `/account${path}`);
    await sound(page, `phone-${name}`);
    const small = await page.$$eval("button, input:not([type=hidden]), nav a", (nodes) =>
      nodes.filter((n) => n.offsetParent && n.type !== "checkbox" && n.getBoundingClientRect().height < 40).map((n) => n.outerHTML),
    );
    assert.deepEqual(small, [], "what is touched is large enough");
  }
  await page.setExtraHTTPHeaders({ "accept-language": "en" });
  await page.setViewport({ width: 1100, height: 900 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "light" }]);
  for (const name of ["sessions", "app-passwords", "password"]) {
    await go(page, `/account/${name}`);
    await sound(page, name);
  }
  await clean(page);
  await page.close();
});

await show("without JavaScript all of it but passkeys works", async () => {
  const page = await chromium.page();
  await page.setJavaScriptEnabled(false);
  await go(page, "/login");
  await page.type("#user", login.user);
  await page.type("#password", login.password);
  await click(page, "main form button");
  assert.equal(at(page), "/login/code");
  await page.click("summary");
  await page.type("#recovery", shown.recovery[3]);
  await click(page, 'form[action="/login/recovery"] button');
  assert.equal(at(page), "/account");
  await go(page, "/account/app-passwords");
  await page.type("#name", "tablet");
  await click(page, 'form[action="/account/app-passwords"] button');
  assert.match(await page.content(), /id="app-password"/);
  await page.close();
});

await show("whoever is logged in seals without a password", async () => {
  const page = await chromium.page();
  await go(page, "/seal");
  await visible(page, "#write");
  assert.ok(await page.$eval("#by-password", (node) => !node.hidden));
  await password(page);
  await page.click("summary");
  await page.type("#recovery", shown.recovery[4]);
  await press(page);
  await go(page, "/seal");
  await visible(page, "#write");
  assert.match(await text(page, "#logged-in"), new RegExp(login.user));
  assert.ok(await page.$eval("#by-password", (node) => node.hidden));
  await hasFocus(page, "to");
  await accessible(page);
  await shot(page, "account-seal");
  const values = { to: login.user, text: "4711", password: world.agreed, again: world.agreed };
  for (const [id, value] of Object.entries(values)) await page.type(`#${id}`, value);
  await page.click("#send");
  await visible(page, "#done");
  await clean(page);
  await page.close();
});

await chromium.end();
