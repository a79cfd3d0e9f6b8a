// A Chromium of the system, headless, with a profile of its own, and a log of every octet that it sends.

import puppeteer from "puppeteer-core";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Milliseconds that anything may take on a machine that has other work: start, load, and whatever is waited for. */
const PATIENCE = 60_000;

export class Chromium {
  /** @param {{certificate: string, executable: string}} world */
  static async start(world, { flags = [] } = {}) {
    const home = await mkdtemp(join(tmpdir(), "letterlock-chromium-"));
    const database = join(home, ".pki/nssdb");
    await mkdir(database, { recursive: true });
    const certutil = (...args) => execFileSync("certutil", ["-d", `sql:${database}`, ...args]);
    certutil("-N", "--empty-password");
    // Trusted, not ignored: a browser that ignores certificates ignores HSTS, too.
    certutil("-A", "-n", "service", "-t", "P,,", "-i", world.certificate);
    const log = join(home, "net-log.json");
    const browser = await puppeteer.launch({
      executablePath: world.executable,
      headless: true,
      timeout: PATIENCE,
      userDataDir: join(home, "profile"),
      env: { ...process.env, HOME: home, LANGUAGE: "en", LANG: "C.UTF-8" },
      args: [
        "--no-sandbox",
        "--disable-quic",
        // What the browser wants for itself: it would only be in the way of what the page does.
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-features=OptimizationHints,AutofillServerCommunication,MediaRouter,Translate",
        "--host-resolver-rules=MAP * 127.0.0.1",
        `--log-net-log=${log}`,
        "--net-log-capture-mode=Everything",
        ...flags,
      ],
    });
    return new Chromium(browser, home, log);
  }

  constructor(browser, home, log) {
    Object.assign(this, { browser, home, log });
  }

  /** A window of its own, as large as a desktop's unless it is said. */
  async page({ width = 1100, height = 900, mobile = false, dark = false, language = "en-GB" } = {}) {
    const context = await this.browser.createBrowserContext();
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    page.violations = [];
    page.errors = [];
    page.on("console", (message) => {
      if (message.type() === "error") page.errors.push(message.text());
    });
    page.on("pageerror", (error) => page.errors.push(String(error)));
    await page.setViewport({ width, height, isMobile: mobile, hasTouch: mobile, deviceScaleFactor: mobile ? 2 : 1 });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }]);
    await page.evaluateOnNewDocument((tags) => {
      Object.defineProperty(navigator, "languages", { get: () => tags });
    }, [language]);
    return page;
  }

  /** Ends it, and gives what it has sent: the addresses, and every octet before TLS made them unreadable. */
  async end() {
    await this.browser.close();
    const traffic = await read(this.log);
    await rm(this.home, { recursive: true, force: true });
    return traffic;
  }
}

async function read(log) {
  const text = await readFile(log, "utf8");
  const { constants, events } = JSON.parse(text.trimEnd().endsWith("}") ? text : `${text.trimEnd().replace(/,$/, "")}]}`);
  const number = (name) => constants.logEventTypes[name];
  const sent = new Set([number("SSL_SOCKET_BYTES_SENT"), number("SOCKET_BYTES_SENT"), number("UDP_BYTES_SENT")]);
  const urls = new Set();
  const asked = new Set();
  const octets = [];
  for (const { type, params } of events) {
    // What the browser asks for itself, such as the time, has no origin.
    const own = /^not an origin/.test(params?.initiator ?? "");
    if (type === number("URL_REQUEST_START_JOB") && params?.url) (own ? asked : urls).add(params.url);
    if (sent.has(type) && params?.bytes) octets.push(Buffer.from(params.bytes, "base64"));
  }
  return { urls: [...urls], own: [...asked], sent: Buffer.concat(octets) };
}
