// Drives the real page in a real browser: `node drive.js WORLD.json`, which names the links that the service has, and what
// is in them. Prints a line of JSON for each thing that it has shown or not shown.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Chromium } from "./browser.js";
import { leaks } from "./secrets.js";
import { accessible, clean, found, hasFocus, shot, show, text, visible, world } from "./stage.js";

const origin = new URL(world.links.plain).origin;
const WRONG = "not the agreed password";

let chromium;

async function visit(link, options) {
  const page = await chromium.page(options);
  await page.goto(link, { waitUntil: "load" });
  return page;
}

async function unlock(page, password = world.password) {
  await visible(page, "#ask");
  await page.$eval("#password", (input) => (input.value = ""));
  await page.type("#password", password);
  await page.keyboard.press("Enter");
}

async function gone(link, title, state) {
  const page = await visit(link);
  await visible(page, "#told");
  assert.equal(await text(page, "#told-title"), title);
  await hasFocus(page, "told-title");
  assert.equal(await page.$eval("#ask", (node) => node.hidden), true, "no password is asked for");
  await accessible(page);
  await shot(page, state);
  await page.close();
}

chromium = await Chromium.start(world);

await show("the right password opens the message, by keyboard alone", async () => {
  const page = await visit(world.links.plain);
  await visible(page, "#ask");
  await hasFocus(page, "password");
  assert.equal(await text(page, "#hint-text"), world.hint);
  await accessible(page);
  await shot(page, "ask");
  await page.keyboard.type(world.password);
  await page.keyboard.press("Enter");
  await visible(page, "#working");
  await accessible(page);
  await shot(page, "working");
  await visible(page, "#message");
  assert.equal(await text(page, "#subject"), world.subject);
  assert.equal(await page.title(), world.subject);
  await hasFocus(page, "subject");
  assert.ok((await text(page, "#text")).includes(world.text));
  assert.equal(await page.$eval("#password", (input) => input.value), "", "the password is gone from the field");
  await accessible(page);
  await shot(page, "message");
  await clean(page);
  // Loaded again within ten minutes: the same view, no other.
  await page.reload({ waitUntil: "load" });
  await unlock(page);
  await visible(page, "#message");
  await clean(page);
  await page.close();
});

await show("it was one view: nobody else opens it", async () => {
  await gone(world.links.plain, "This message was opened already", "viewed");
});

await show("a wrong password is told, and the right one opens after it", async () => {
  const page = await visit(world.links.wrong);
  await unlock(page, WRONG);
  await page.waitForFunction(() => document.getElementById("ask-error").textContent !== "");
  await visible(page, "#ask");
  assert.match(await text(page, "#ask-error"), /does not open/);
  assert.equal(await page.$eval("#password", (input) => input.getAttribute("aria-invalid")), "true");
  await hasFocus(page, "password");
  await accessible(page);
  await shot(page, "wrong");
  await unlock(page);
  await visible(page, "#message");
  await clean(page);
});

await show("a link with a secret opens with it, and the address bar forgets it", async () => {
  const page = await visit(world.links.bound);
  await visible(page, "#ask");
  assert.equal(await page.evaluate(() => location.hash), "");
  await unlock(page);
  await visible(page, "#message");
  assert.equal(await text(page, "#bound-secret"), new URL(world.links.bound).hash);
  await clean(page);
});

await show("without its secret it says so before any password", async () => {
  await gone(world.links.cut, "A part of the link is missing", "cut");
});

await show("HTML mail is shown without scripts, without the page's origin and without the network", async () => {
  const page = await visit(world.links.html);
  await unlock(page);
  await visible(page, "#html iframe");
  const frame = await (await page.$("#html iframe")).contentFrame();
  const body = await frame.waitForSelector("body");
  assert.ok((await body.evaluate((node) => node.textContent)).includes("Dinner on Friday"));
  const seen = await frame.evaluate(() => ({
    origin: self.origin,
    scripts: document.querySelectorAll("script, [onerror], [onclick], iframe, form").length,
    pictures: Array.from(document.images, (image) => [image.src.slice(0, 15), image.naturalWidth]),
    links: Array.from(document.links, (link) => [link.href, link.target, link.rel]),
    padding: getComputedStyle(document.body).marginTop,
  }));
  assert.equal(seen.origin, "null");
  assert.equal(seen.scripts, 0);
  assert.deepEqual(seen.pictures.filter(([source]) => source !== ""), [["data:image/png;", 1]]);
  assert.deepEqual(seen.links, [["https://example.test/menu", "_blank", "noopener noreferrer"]]);
  assert.equal(seen.padding, "16px", "the frame has its style sheet");
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.equal(await page.$eval("#removed", (node) => node.hidden), false);
  await accessible(page);
  await shot(page, "html");
  await page.click("#as-text");
  assert.ok((await text(page, "#text")).includes("Dinner on Friday"));
  // While it is sanitised, the page's policy refuses what the mail would do, and says so.
  assert.ok(page.errors.length > 0 && page.errors.every((e) => /Content Security Policy/.test(e)), page.errors.join());
});

await show("attachments are saved, whole and under harmless names", async () => {
  const folder = await mkdtemp(join(tmpdir(), "letterlock-downloads-"));
  const page = await visit(world.links.attachment);
  const session = await page.createCDPSession();
  await session.send("Browser.setDownloadBehavior", {
    behavior: "allow",
    downloadPath: folder,
    browserContextId: page.browserContext().id,
  });
  await unlock(page);
  await visible(page, "#files a");
  const names = await page.$$eval("#files a", (links) => links.map((link) => link.download));
  assert.deepEqual(names, world.attachment.names);
  await accessible(page);
  await shot(page, "attachment");
  await page.click("#files a");
  const saved = await found(folder, names[0]);
  assert.equal((await readFile(saved)).toString("base64"), world.attachment.content);
  await page.click("#download");
  const sealed = await readFile(await found(folder, "sealed-message.pgp"));
  assert.equal(sealed[0], 0xc3);
  await writeFile(world.downloaded, sealed);
  await clean(page);
  await rm(folder, { recursive: true });
});

await show("a reply is sealed in the page, with an attachment", async () => {
  const page = await visit(world.links.reply);
  await unlock(page);
  await visible(page, "#reply");
  await page.click("#reply-form button");
  assert.equal(await page.$eval("#reply-body", (node) => node.matches(":invalid")), true);
  await page.type("#reply-body", world.reply.text);
  const input = await page.$("#reply-files");
  await input.uploadFile(world.reply.file);
  await accessible(page);
  await shot(page, "reply");
  await page.click("#reply-form button");
  await visible(page, "#reply-done");
  await hasFocus(page, "reply-done-title");
  await accessible(page);
  await clean(page);
});

await show("the reader destroys the message", async () => {
  const page = await visit(world.links.destroy);
  await unlock(page);
  await visible(page, "#destroy");
  await page.click("#destroy");
  await visible(page, "#confirm");
  await accessible(page);
  await shot(page, "confirm");
  await page.keyboard.press("Escape");
  assert.equal(await page.$eval("#message", (node) => node.hidden), false, "nothing happened");
  await page.click("#destroy");
  await page.click("#confirm button[value=yes]");
  await visible(page, "#told");
  assert.equal(await text(page, "#told-title"), "The message is destroyed");
  assert.equal(await page.$eval("#message", (node) => node.textContent.trim()), "");
  await clean(page);
  await gone(world.links.destroy, "This message was destroyed", "destroyed");
});

await show("expired, revoked, burned, and what never was say why", async () => {
  await gone(world.links.expired, "This message has expired", "expired");
  await gone(world.links.revoked, "The sender has taken this message back", "revoked");
  await gone(world.links.burned, "This message was opened already", "burned");
  await gone(world.links.unknown, "There is no message here", "unknown");
  await gone(`${origin}/s/short`, "There is no message here", "short");
});

await show("a locked link says when the next try is possible", async () => {
  const page = await visit(world.links.locked);
  await visible(page, "#ask");
  assert.match(await text(page, "#ask-error"), /too many wrong passwords/);
  assert.match(await text(page, "#ask-facts"), /^Available until [^{}]*\.$/);
  assert.equal(await page.$eval("#open", (button) => button.disabled), true);
  await accessible(page);
  await shot(page, "locked");
});

await show("a phone, dark, in German", async () => {
  const phone = { width: 360, height: 740, mobile: true, dark: true, language: "de-DE" };
  const page = await visit(world.links.phone, phone);
  await visible(page, "#ask");
  assert.equal(await page.evaluate(() => document.documentElement.lang), "de");
  assert.equal(await text(page, "#open"), "Nachricht öffnen");
  await accessible(page);
  await shot(page, "phone-ask");
  await unlock(page);
  await visible(page, "#message");
  const fits = await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
  assert.ok(fits, "nothing is wider than the window");
  const small = await page.$$eval("button, input, summary, .files a", (nodes) =>
    nodes.filter((n) => n.offsetParent && n.getBoundingClientRect().height < 40).map((n) => n.outerHTML),
  );
  assert.deepEqual(small, [], "what is touched is large enough");
  await accessible(page);
  await shot(page, "phone-message");
  await page.click("#language");
  assert.equal(await text(page, "#keep-title"), "Keep it, or destroy it");
  await clean(page);
});

await show("a message that is damaged is not called a wrong password", async () => {
  const page = await visit(world.links.damaged);
  await unlock(page);
  await visible(page, "#told");
  assert.equal(await text(page, "#told-title"), "This message cannot be opened");
  await shot(page, "damaged");
});

const traffic = await chromium.end();

await show("nothing goes anywhere else, and nothing secret leaves", async () => {
  // Navigations have no origin either: those that were typed here, and none that a page began.
  const typed = traffic.own.filter((url) => new URL(url).hostname.endsWith("b.test"));
  assert.ok(typed.length > 10 && typed.every((url) => url.startsWith(`${origin}/s/`)), typed.join(" "));
  const elsewhere = traffic.urls.filter((url) => !url.startsWith(`${origin}/`) && !/^(data|blob|about|chrome):/.test(url));
  assert.deepEqual(elsewhere, []);
  assert.ok(traffic.urls.some((url) => url.endsWith("/release")), "the log is whole");
  assert.ok(traffic.sent.includes("/challenge"), "the log holds what was sent");
  const secrets = [world.password, WRONG, new URL(world.links.bound).hash.slice(1), world.reply.text, world.subject];
  assert.deepEqual(leaks(traffic.sent, secrets), []);
});

await show("mutation: a page that sends the password is found out", async () => {
  chromium = await Chromium.start(world);
  const page = await visit(world.links.unknown);
  const secret = world.password;
  const ways = [secret, btoa(unescape(encodeURIComponent(`x${secret}`))), encodeURIComponent(secret)];
  await page.evaluate((bodies) => Promise.all(bodies.map((body) => fetch("/leak", { method: "POST", body }))), ways);
  // Its policy would not let it, so it goes without.
  await page.setBypassCSP(true);
  await page.reload({ waitUntil: "load" });
  await page.evaluate(() => fetch("https://elsewhere.test/", { mode: "no-cors" }).catch(() => {}));
  const { sent, urls } = await chromium.end();
  assert.ok(urls.includes("https://elsewhere.test/"));
  assert.deepEqual(leaks(sent, [secret, "something else"]), [secret]);
  for (const way of ways) assert.deepEqual(leaks(Buffer.from(way), [secret]), [secret]);
});

await show("without WebAssembly, or memory for it, no password is asked for", async () => {
  for (const flag of ["--jitless", "--wasm-max-mem-pages=1"]) {
    await chromium.browser.close();
    chromium = await Chromium.start(world, { flags: [`--js-flags=${flag}`] });
    await gone(world.links.unopened, "Your browser cannot open this message", "no-wasm");
  }
});

await chromium.end();
