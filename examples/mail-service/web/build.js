// Builds the pages into the folder that is named (`node build.js OUT`): one script, one worker and one style sheet for
// each page, by esbuild. OpenPGP.js is not bundled but copied as it is: it is under the LGPL, and whoever runs the
// service may replace it. What a page loads beside itself is named by its content.

import { build } from "esbuild";
import { createHash } from "node:crypto";
import { cp, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const here = import.meta.dirname;
const out = process.argv[2];
if (!out) throw new Error("usage: node build.js OUT");
await rm(out, { recursive: true, force: true });
await mkdir(join(out, "assets"), { recursive: true });

const openpgp = await readFile(join(here, "node_modules/openpgp/dist/openpgp.min.mjs"));
const openpgpName = `openpgp-${digest(openpgp).slice(0, 12)}.js`;
await asset(openpgpName, openpgp);

/** OpenPGP.js stays a file of its own. */
const apart = {
  name: "openpgp-apart",
  setup(setup) {
    setup.onResolve({ filter: /^openpgp$/ }, () => ({ path: `./${openpgpName}`, external: true }));
  },
};

const bundle = (entryPoints, define = {}) =>
  build({
    absWorkingDir: here,
    entryPoints,
    bundle: true,
    write: false,
    format: "esm",
    target: ["chrome111", "firefox114", "safari16.4"],
    charset: "utf8",
    legalComments: "none",
    minify: true,
    loader: { ".wasm": "binary" },
    plugins: [apart],
    define,
    outdir: "/",
  });

const named = async (stem, ext, contents) => {
  const name = `${stem}-${digest(contents).slice(0, 12)}.${ext}`;
  await asset(name, contents);
  return name;
};
const only = (built) => built.outputFiles[0].contents;

/** The worker, the script and the style sheet of a page, and the page itself. */
async function page(folder, file) {
  const worker = await named(`${folder}-worker`, "js", only(await bundle([`src/${folder}/worker.js`])));
  const define = { WORKER: JSON.stringify(`/assets/${worker}`) };
  const script = await named(folder, "js", only(await bundle([`src/${folder}/page.js`], define)));
  const style = await named(folder, "css", only(await bundle([`src/${folder}/page.css`])));
  await document(folder, file, { SCRIPT: script, STYLE: style });
}

async function document(folder, file, names) {
  const html = await readFile(join(here, "src", folder, "index.html"), "utf8");
  await writeFile(join(out, file), html.replace(/SCRIPT|STYLE/g, (name) => names[name]));
}

await page("sealed", "sealed.html");
await page("compose", "compose.html");
const style = await named("site", "css", only(await bundle(["src/common/base.css"])));
await document("site", "index.html", { STYLE: style });

// The pages of login and account are written by the service, which has to know what they load.
await writeFile(join(out, "account-style.name"), await named("account", "css", only(await bundle(["src/account/page.css"]))));
await writeFile(join(out, "account-script.name"), await named("account", "js", only(await bundle(["src/account/passkey.js"]))));

// The style of the frame in which HTML mail is shown: the policy names its hash, so that no other is used there.
const { FRAME_STYLE } = await import("./src/sealed/frame-style.js");
await writeFile(join(out, "frame-style.sha256"), createHash("sha256").update(FRAME_STYLE).digest("base64"));

await writeFile(join(out, "licences.txt"), await licences(["argon2id", "dompurify", "openpgp", "postal-mime"]));

async function licences(packages) {
  const parts = [await readFile(join(here, "licences-head.txt"), "utf8")];
  for (const name of packages) {
    const folder = join(here, "node_modules", name);
    const { version, license, homepage, repository } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const files = (await readdir(folder)).filter((file) => /^licen[cs]e/i.test(file)).sort();
    if (files.length === 0) throw new Error(`${name} has no licence file`);
    const source = homepage ?? repository?.url ?? repository;
    parts.push(`${"=".repeat(80)}\n${name} ${version}: ${license}\n${source}\n`);
    for (const file of files) parts.push(await readFile(join(folder, file), "utf8"));
  }
  return parts.join("\n");
}

/** What a page loads, and the same compressed. */
async function asset(name, contents) {
  await writeFile(join(out, "assets", name), contents);
  await writeFile(join(out, "assets", `${name}.gz`), gzipSync(contents, { level: 9 }));
}

function digest(octets) {
  return createHash("sha256").update(octets).digest("hex");
}
