// Run by tests/passkey_js.rs: Chromium with a virtual authenticator, on a page of http://localhost that imports the module.
// Says its origin, then answers a line for each line of standard input: { authenticator }, { registration }, { login }.

import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const module = await readFile(new URL("../../js/passkey.mjs", import.meta.url));
const server = createServer((request, response) => {
  const isModule = request.url === "/passkey.mjs";
  response.writeHead(200, { "content-type": isModule ? "text/javascript" : "text/html" });
  response.end(isModule ? module : "<!doctype html><title>page</title>");
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const origin = `http://localhost:${server.address().port}`;

const profile = await mkdtemp(join(tmpdir(), "passkey-"));
const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"];
const browser = spawn("chromium", [...flags, "--remote-debugging-pipe", `--user-data-dir=${profile}`, "about:blank"], {
  stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
  env: { ...process.env, HOME: profile },
});

// The protocol of its developer tools: JSON, each message ended by a zero octet.
const waiting = new Map();
let last = 0;
let rest = "";
browser.stdio[4].setEncoding("utf8").on("data", (data) => {
  const messages = (rest + data).split("\0");
  rest = messages.pop();
  for (const { id, result, error } of messages.map((message) => JSON.parse(message))) {
    waiting.get(id)?.(error === undefined ? result : Promise.reject(new Error(error.message)));
    waiting.delete(id);
  }
});
function call(method, params, sessionId) {
  last += 1;
  const id = last;
  browser.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
  return new Promise((resolve) => waiting.set(id, resolve));
}

const { targetId } = await call("Target.createTarget", { url: `${origin}/` });
const { sessionId } = await call("Target.attachToTarget", { targetId, flatten: true });
const page = (method, params) => call(method, params, sessionId);
await page("WebAuthn.enable", {});
const ready = { expression: "document.readyState === 'complete' && document.title === 'page'", returnByValue: true };
while ((await page("Runtime.evaluate", ready)).result.value !== true) await new Promise((resolve) => setTimeout(resolve, 20));

async function evaluate(call) {
  const expression = `(async () => {
    const module = await import("/passkey.mjs");
    try { return ${call}; } catch (error) { return { code: error.code ?? String(error) }; }
  })()`;
  const { result, exceptionDetails } = await page("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true, userGesture: true });
  return exceptionDetails === undefined ? result.value : { failed: exceptionDetails };
}

let authenticator;
async function answer(line) {
  const asked = JSON.parse(line);
  if (asked.registration !== undefined) {
    return evaluate(`{ answer: await module.register(${JSON.stringify(asked.registration)}) }`);
  }
  if (asked.login !== undefined) return evaluate(`{ answer: await module.login(${JSON.stringify(asked.login)}) }`);
  if (authenticator !== undefined) await page("WebAuthn.removeVirtualAuthenticator", { authenticatorId: authenticator });
  const added = await page("WebAuthn.addVirtualAuthenticator", { options: { ...asked.authenticator, automaticPresenceSimulation: true } });
  authenticator = added.authenticatorId;
  return evaluate("{ supported: module.supported() }");
}

const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
say({ origin });
for await (const line of createInterface({ input: process.stdin })) say(await answer(line));
const closed = new Promise((resolve) => browser.once("exit", resolve));
call("Browser.close", {});
await closed;
server.close();
server.closeAllConnections();
await rm(profile, { recursive: true, force: true });
