// Argon2id (RFC 9106), in WebAssembly. Once for each message: everything else is derived from its one output.

import setupWasm from "argon2id/lib/setup.js";
import simd from "argon2id/dist/simd.wasm";
import plain from "argon2id/dist/no-simd.wasm";

const KEY = 32;

/** Counts blocks as they are computed, which is how far Argon2 has come. */
class Meter {
  constructor() {
    this.start(0, null);
  }

  start(total, report) {
    this.total = total;
    this.done = 0;
    this.told = 0;
    this.report = report;
  }

  count() {
    this.done += 1;
    if (this.report && this.done - this.told >= this.total / 50) {
      this.told = this.done;
      this.report(Math.min(1, this.done / this.total));
    }
  }
}

let ready;

/** Makes the WebAssembly ready, with a memory of its own. */
async function setUp() {
  const meter = new Meter();
  const instantiate = (octets) => async (imports) => {
    const { instance } = await WebAssembly.instantiate(octets, imports);
    const { getLZ, ...rest } = instance.exports;
    // Asked once for each block.
    const counted = (...args) => {
      meter.count();
      return getLZ(...args);
    };
    return { instance: { exports: { ...rest, getLZ: counted } } };
  };
  const compute = await setupWasm(instantiate(simd), instantiate(plain));
  return { compute, meter };
}

async function run(password, salt, costs, length, report) {
  ready ??= setUp();
  const { compute, meter } = await ready;
  const memorySize = 2 ** costs.memoryExponent;
  meter.start(memorySize * costs.passes, report);
  return compute({
    password,
    salt,
    passes: costs.passes,
    parallelism: costs.lanes,
    memorySize,
    tagLength: length,
  });
}

/** The 32 octets of a password; `report` is told how far it has come, from 0 to 1. */
export function stretch(password, salt, costs, report) {
  return run(password, salt, costs, KEY, report);
}

const KNOWN = "29680b96acf21de7089fbccadff1373b";

/**
 * Whether WebAssembly runs here and computes the right thing. Asked before anybody types a password: where a browser or
 * a policy forbids WebAssembly, what comes out would look like a wrong password.
 */
export async function works() {
  try {
    const octets = new TextEncoder().encode("letterlock self-test");
    const key = await run(octets, octets.subarray(0, 16), { passes: 1, lanes: 1, memoryExponent: 6 }, 16);
    return Array.from(key, (octet) => octet.toString(16).padStart(2, "0")).join("") === KNOWN;
  } catch {
    return false;
  }
}
