import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./load.js";

const { read, fileName } = await load("src/sealed/mail.js");
const { compose } = await load("src/seal/letter.js");
const octets = (text) => new TextEncoder().encode(text);

test("a reply reads as it was written", async () => {
  const subject = "Re: Grüße, und zwar sehr viele Grüße aus dem schönen Überlingen am Bodensee 🦆";
  const files = [
    { name: "Pläne für 2027 – mit einem sehr langen Namen, der in keine Zeile passt.pdf", type: "application/pdf", octets: new Uint8Array(1000).map((_, at) => at) },
    { name: 'a"b;c\r\nX: y.txt', type: "text/html\r\nX: y", octets: new Uint8Array() },
  ];
  const mail = compose({ subject, text: "Liebe Zoë,\n\n--\n.\nFrom here", files });
  const raw = new TextDecoder().decode(mail);
  assert.ok(raw.split("\r\n").every((line) => line.length <= 78 && !/[\r\n]/.test(line)));
  assert.ok(!/^X:/m.test(raw), "nothing becomes a field of its own");
  const got = await read(mail);
  assert.equal(got.subject, subject);
  assert.equal(got.text.trimEnd(), "Liebe Zoë,\n\n--\n.\nFrom here");
  assert.equal(got.attachments[0].name, files[0].name);
  assert.deepEqual(got.attachments[0].octets, files[0].octets);
  assert.equal(got.attachments[1].octets.length, 0);
});

test("it says who wrote it to whom, and no address begins another field", async () => {
  const parts = { subject: "x", text: "y", files: [] };
  const got = await read(compose({ from: "alice@b.test", to: "j\u00f6rg@example.test", ...parts }));
  assert.deepEqual([got.from, got.to], [["alice@b.test"], ["j\u00f6rg@example.test"]]);
  const mail = new TextDecoder().decode(compose({ from: "a@b.test>\r\nX: y", to: "c@d.test", ...parts }));
  assert.ok(!/^X:/m.test(mail), mail);
});

test("a reply without attachments is one part", async () => {
  const got = await read(compose({ subject: "Re: x", text: "y", files: [] }));
  assert.deepEqual([got.subject, got.text.trim(), got.attachments], ["Re: x", "y", []]);
});

test("a name is no path, no device, and looks like what it is", () => {
  for (const [from, to] of [
    ["../../.profile", "_.._.profile"],
    ["C:\\autoexec.bat", "C_autoexec.bat"],
    ["invoice\u202efdp.exe", "invoice fdp.exe"],
    [".hidden", "hidden"],
    ["a\r\nb", "a b"],
    ["...", null],
    ["", null],
    [undefined, null],
  ]) {
    assert.equal(fileName(from), to);
  }
  const long = fileName(`${"ä".repeat(500)}.pdf`);
  assert.equal(Array.from(long).length, 120);
  assert.ok(long.endsWith(".pdf"));
});

test("what is nested beyond measure is refused, not followed", async () => {
  let head = "";
  for (let depth = 0; depth < 500; depth += 1) {
    head += `Content-Type: multipart/mixed; boundary="b${depth}"\r\n\r\n--b${depth}\r\n`;
  }
  await assert.rejects(read(octets(head)), (error) => error.code === "seal.mail");
});

test("what is no mail is shown as what it is", async () => {
  const got = await read(octets("just a line"));
  assert.equal(got.subject, "");
  assert.deepEqual(got.from, []);
});
