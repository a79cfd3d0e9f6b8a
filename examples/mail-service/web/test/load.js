// The modules as a browser gets them: bundled, because Node does not import WebAssembly.

import { build } from "esbuild";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export async function load(entry) {
  const root = join(import.meta.dirname, "..");
  const folder = await mkdtemp(join(root, "node_modules/.test-"));
  const outfile = join(folder, "bundle.mjs");
  try {
    await build({
      absWorkingDir: root,
      entryPoints: [entry],
      bundle: true,
      format: "esm",
      platform: "node",
      target: "node20",
      external: ["openpgp"],
      loader: { ".wasm": "binary" },
      outfile,
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
