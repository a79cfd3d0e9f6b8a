// Drives the page that seals, and the page of what it has sealed: `node compose.js WORLD.json`. Prints a line of JSON for
// each thing that it has shown or not shown.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Chromium } from "./browser.js";
import { leaks } from "./secrets.js";
import { accessible, clean, found, hasFocus, shot, show, text, told, visible, world } from "./stage.js";

const { site, sealed, login, letter, password } = world;
const name = basename(letter.file);
const PHONE = { width: 360, height: 740, mobile: true };
const DARK = { dark: true };
const GERMAN = { language: "de-DE" };
/** What may not leave: the agreed password, and everything that is sealed with it. */
const hidden = [password, letter.subject, ...letter.lines, name, await readFile(letter.file, "utf8")];
/** What is made while this runs, and may not leave either. */
const secrets = [];

let chromium = await Chromium.start(world);
/** The links as the page has shown them. */
const links = {};

async function visit(options) {
  const page = await chromium.page(options);
  await page.goto(`${site}/seal`, { waitUntil: "load" });
  await visible(page, "#write");
  return page;
}

async function fill(page, values) {
  for (const [id, value] of Object.entries(values)) {
    await page.$eval(`#${id}`, (field) => (field.value = ""));
    await page.type(`#${id}`, value);
  }
}

const everything = (more) => ({
  from: login.user,
  account: login.password,
  to: letter.to,
  subject: letter.subject,
  text: letter.lines.join("\n"),
  password,
  again: password,
  ...more,
});

const wide = (page) => page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);

await show("a message is sealed by keyboard, and its link is shown with what it is for", async () => {
  const page = await visit();
  await hasFocus(page, "from");
  await accessible(page);
  await shot(page, "compose");
  await fill(page, everything({ hint: world.hint, views: "2" }));
  const input = await page.$("#files");
  await input.uploadFile(letter.file);
  await visible(page, "#chosen li");
  assert.equal(await text(page, "#chosen .file-name"), name);
  assert.match(await text(page, "#advice"), /only you can know/);
  await accessible(page);
  await shot(page, "compose-filled");
  await page.focus("#views");
  await page.keyboard.press("Enter");
  await visible(page, "#working");
  await accessible(page);
  await shot(page, "compose-working");
  await visible(page, "#done");
  await hasFocus(page, "done-title");
  assert.equal(await text(page, "#done-title"), "Sealed, and on its way");
  links.plain = await text(page, "#done-link");
  assert.ok(links.plain.startsWith(`${sealed}/s/`), links.plain);
  const token = await text(page, "#done-token");
  assert.match(token, /^[\w-]{22}$/);
  assert.equal(await text(page, "#done-command"), `mail-service link '${links.plain}' status`);
  const care = await page.$$eval("#done dt", (nodes) => nodes.map((node) => node.textContent));
  assert.deepEqual(care, ["status", "reply FILE", "extend DAYS", "revoke"]);
  assert.match(await text(page, "#done"), /by another way/);
  const left = await page.$$eval("#form input:not([type=file]), #form textarea", (fields) =>
    Object.fromEntries(fields.map((field) => [field.id, field.value])),
  );
  for (const id of ["account", "to", "subject", "text", "password", "again", "hint"]) {
    assert.equal(left[id], "", `${id} is empty again`);
  }
  await accessible(page);
  await shot(page, "compose-done");
  await clean(page);
});

await show("the recipient's page opens it, and the attachment is the same", async () => {
  const folder = await mkdtemp(join(tmpdir(), "letterlock-downloads-"));
  const page = await chromium.page();
  const session = await page.createCDPSession();
  const browserContextId = page.browserContext().id;
  const behavior = { behavior: "allow", downloadPath: folder, browserContextId };
  await session.send("Browser.setDownloadBehavior", behavior);
  await page.goto(links.plain, { waitUntil: "load" });
  await visible(page, "#ask");
  assert.equal(await text(page, "#hint-text"), world.hint);
  await page.type("#password", password);
  await page.keyboard.press("Enter");
  await visible(page, "#message");
  assert.equal(await text(page, "#subject"), letter.subject);
  assert.deepEqual((await text(page, "#text")).split("\n"), letter.lines);
  assert.match(await text(page, "#facts"), new RegExp(`${login.user}.*${letter.to}`, "s"));
  await page.click("#files a");
  const saved = await found(folder, name);
  assert.deepEqual(await readFile(saved), await readFile(letter.file));
  await clean(page);
  await rm(folder, { recursive: true });
});

await show("a wrong login is told where it was typed, and nothing is lost", async () => {
  const page = await visit();
  await fill(page, everything({ account: "not the password" }));
  await page.click("#send");
  await told(page, "account", /do not fit together/);
  await hasFocus(page, "account");
  assert.equal(await page.$eval("#account", (field) => field.getAttribute("aria-invalid")), "true");
  assert.equal(await page.$eval("#text", (field) => field.value), letter.lines.join("\n"));
  await accessible(page);
  await shot(page, "compose-wrong-login");
  await page.click("#language");
  assert.match(await text(page, "#account-error"), /passen nicht zusammen/);
  await clean(page);
});

await show("what cannot be sealed, or would give the password away, is told before anything is sent", async () => {
  const page = await visit();
  await page.click("#send");
  for (const id of ["from", "account", "to", "text", "password"]) await told(page, id, /./);
  await hasFocus(page, "from");
  await accessible(page);
  await shot(page, "compose-empty");
  for (const [values, id, words] of [
    [{ password: "1234567", again: "1234567" }, "password", /too short/],
    [{ password: "a password \u{1f9ea}", again: "x" }, "password", /too new/],
    [{ again: "something else" }, "again", /differ/],
    [{ password: login.password, again: login.password }, "password", /The server knows/],
    [{ hint: `it is ${password}`, account: login.password }, "password", /in the hint/],
    [{ hint: "", days: "400" }, "days", /366/],
  ]) {
    await fill(page, everything({ hint: "", days: "28", ...values }));
    await page.click("#send");
    // The focus first: the complaint of the form before it may be in the same words.
    await hasFocus(page, id);
    await told(page, id, words);
  }
  await fill(page, { password: "12345678", again: "12345678" });
  assert.match(await text(page, "#advice"), /can be guessed/);
  await clean(page);
});

await show("a password of words is made, bound to the link, on a phone, in the dark, in German", async () => {
  const page = await visit({ ...PHONE, ...DARK, ...GERMAN });
  assert.equal(await page.evaluate(() => document.documentElement.lang), "de");
  assert.ok(!(await wide(page)), "nothing is wider than the window");
  await shot(page, "compose-phone");
  await fill(page, everything({}));
  await page.click("#make");
  const made = await text(page, "#made-text");
  assert.equal(made.split("-").length, 7);
  secrets.push(made);
  assert.equal(await page.$eval("#again", (field) => field.value), made);
  assert.match(await text(page, "#advice"), /77 Bit/);
  await page.click("#bind");
  assert.equal(await text(page, "#send"), "Versiegeln und den Link zeigen");
  const small = await page.$$eval("button, input, textarea", (nodes) =>
    nodes.filter((n) => n.offsetParent && n.type !== "checkbox" && n.getBoundingClientRect().height < 40).map((n) => n.id),
  );
  assert.deepEqual(small, [], "what is touched is large enough");
  await accessible(page);
  await shot(page, "compose-phone-filled");
  await page.click("#send");
  await visible(page, "#done");
  assert.equal(await text(page, "#done-title"), "Versiegelt. Geben Sie nun den Link weiter");
  assert.equal(await text(page, "#done-password"), made);
  links.bound = await text(page, "#done-link");
  const secret = new URL(links.bound).hash.slice(1);
  assert.match(secret, /^[\w-]{22}$/);
  secrets.push(secret);
  assert.ok(!(await wide(page)), "nothing is wider than the window");
  await accessible(page);
  await shot(page, "compose-phone-done");
  await clean(page);
  const reader = await chromium.page();
  await reader.goto(links.bound, { waitUntil: "load" });
  await visible(reader, "#ask");
  await reader.type("#password", made);
  await reader.keyboard.press("Enter");
  await visible(reader, "#message");
  assert.equal(await text(reader, "#subject"), letter.subject);
});

await show("a mail that is not delivered is told, and why", async () => {
  const page = await visit(DARK);
  await shot(page, "compose-dark");
  await fill(page, everything({ to: "bob@nowhere.test" }));
  await page.click("#send");
  await told(page, "form", /was taken back: .*mx\./);
  await hasFocus(page, "send");
  await accessible(page);
  await shot(page, "compose-not-delivered");
  await clean(page);
});

await show("pressed twice before the server has answered, it is one message", async () => {
  const page = await visit();
  await page.evaluate(() => {
    window.sealed = 0;
    const post = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (message, ...more) {
      if (message.what === "seal") window.sealed += 1;
      return post.call(this, message, ...more);
    };
    const ask = window.fetch;
    const slow = new Promise((resolve) => (window.answer = resolve));
    window.fetch = async (...request) => {
      if (request[0] === "/api/session") await slow;
      return ask(...request);
    };
  });
  await fill(page, everything({}));
  await page.click("#send");
  await page.click("#send");
  await page.evaluate(() => window.answer());
  await visible(page, "#done");
  assert.equal(await page.evaluate(() => window.sealed), 1);
  await clean(page);
});

await show("a desktop in the dark, and a phone in the light, without a violation", async () => {
  for (const [options, state] of [[DARK, "dark"], [PHONE, "phone-light"]]) {
    const page = await visit(options);
    await accessible(page);
    await fill(page, everything({}));
    await page.click("#send");
    await visible(page, "#done");
    await accessible(page);
    await shot(page, `compose-done-${state}`);
    await page.click("#another");
    await visible(page, "#write");
    await hasFocus(page, "write-title");
    assert.equal(await text(page, "#done-token"), "");
    assert.ok(!(await wide(page)), "nothing is wider than the window");
    await clean(page);
    await page.goto(`${site}/`, { waitUntil: "load" });
    await accessible(page);
    await shot(page, `site-${state}`);
    await page.click("main a");
    await visible(page, "#write");
    await page.close();
  }
});

const traffic = await chromium.end();

await show("nothing goes anywhere else, and nothing that is sealed leaves unsealed", async () => {
  const foreign = traffic.urls.filter(
    (url) => !url.startsWith(`${site}/`) && !url.startsWith(`${sealed}/`) && !/^(data|blob|about|chrome):/.test(url),
  );
  assert.deepEqual(foreign, []);
  assert.ok(traffic.urls.includes(`${site}/api/seal`), "the log is whole");
  assert.ok(traffic.sent.includes("POST /api/seal"), "the log holds what was sent");
  // The link's secret stands in the address of its page, which a browser does not send.
  assert.deepEqual(leaks(traffic.sent, [...hidden, ...secrets]), []);
  // What is meant for the server is found by the same search.
  assert.deepEqual(leaks(traffic.sent, [login.password, letter.to, world.hint]), [login.password, letter.to, world.hint]);
});

await show("mutation: a page that sends what is to be sealed is found out", async () => {
  chromium = await Chromium.start(world);
  const page = await visit();
  const mail = `Subject: ${letter.subject}\r\n\r\n${letter.lines[0]}`;
  const body = btoa(unescape(encodeURIComponent(mail)));
  await page.evaluate((content) => fetch("/api/seal", { method: "POST", body: content }), body);
  const { sent } = await chromium.end();
  assert.deepEqual(leaks(sent, hidden), [letter.subject, letter.lines[0]]);
});

await show("without WebAssembly no password is asked for", async () => {
  chromium = await Chromium.start(world, { flags: ["--js-flags=--jitless"] });
  const page = await chromium.page();
  await page.goto(`${site}/seal`, { waitUntil: "load" });
  await visible(page, "#unable");
  await hasFocus(page, "unable-title");
  assert.equal(await page.$eval("#write", (node) => node.hidden), true);
  await accessible(page);
  await shot(page, "compose-unable");
});

await chromium.end();
