// What the scripts that drive a browser have in common: the world that they are given, and how they look at a page.

import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

export const world = JSON.parse(await readFile(process.argv[2], "utf8"));
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Does it, and prints a line of JSON that says whether it was shown. */
export async function show(name, work) {
  let error = null;
  const begun = Date.now();
  try {
    await work();
  } catch (failure) {
    error = failure.stack ?? String(failure);
  }
  console.log(JSON.stringify({ name, error, ms: Date.now() - begun }));
}

export const text = (page, selector) => page.$eval(selector, (node) => node.textContent.trim());
export const visible = (page, selector) => page.waitForSelector(selector, { visible: true });
/** A page that has just come gives the focus when the browser paints it, and a form when its server has answered. */
export async function hasFocus(page, id) {
  const arrived = page.waitForFunction((id) => document.activeElement?.id === id, {}, id);
  // If it does not, what has it is told.
  await arrived.catch(() => {});
  assert.equal(await page.evaluate(() => document.activeElement?.id), id);
}

/** The page asks its server before it complains: the complaint about a field comes sooner or later, in these words. */
export const told = (page, id, words) =>
  page.waitForFunction(
    (id, words) => new RegExp(words, "s").test(document.getElementById(`${id}-error`).textContent),
    {},
    id,
    words.source,
  );

export async function shot(page, name) {
  if (world.screenshots) await page.screenshot({ path: join(world.screenshots, `${name}.png`), fullPage: true });
}

/** What axe-core finds, in this state of the page. */
export async function accessible(page) {
  // Through the browser's own door: the page's policy would not let it in, which is as it should be.
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const violations = found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" ")}`);
  assert.deepEqual(violations, []);
  assert.ok(found.passes.length > 10, "axe-core looked at something");
}

/** The page has complained of nothing but what the server has refused. */
export async function clean(page) {
  assert.deepEqual(page.errors.filter((e) => !/Failed to load resource.*(403|404|409|410|429|502)/.test(e)), []);
}

/** A file that is saved sooner or later. */
export async function found(folder, name) {
  for (let tries = 0; tries < 300; tries += 1) {
    if ((await readdir(folder)).includes(name)) return join(folder, name);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${name} was not saved: ${await readdir(folder)}`);
}
