// Seals and opens with OpenPGP.js. Each line of standard input is a request in JSON, each line of standard output its answer.
//
//   {"seal": BASE64, "password": TEXT, "chunkOctet": N, "parts": BOOLEAN} -> {"message": BASE64}
//   {"open": BASE64, "password": TEXT}                                    -> {"content": BASE64}
//   what fails                                                            -> {"error": TEXT}
import * as openpgp from 'openpgp';
import { createInterface } from 'node:readline';

function settings(chunkOctet) {
  return {
    aeadProtect: true,
    preferredAEADAlgorithm: openpgp.enums.aead.gcm,
    preferredSymmetricAlgorithm: openpgp.enums.symmetric.aes256,
    preferredCompressionAlgorithm: openpgp.enums.compression.uncompressed,
    aeadChunkSizeByte: chunkOctet,
    s2kType: openpgp.enums.s2k.argon2,
    s2kArgon2Params: { passes: 1, parallelism: 1, memoryExponent: 6 },
    maxArgon2MemoryExponent: 18,
  };
}

async function seal({ seal, password, chunkOctet, parts }) {
  const content = Buffer.from(seal, 'base64');
  // A stream has no length, so it is written in parts.
  const binary = parts
    ? new ReadableStream({
        start(controller) {
          for (let at = 0; at < content.length; at += 10000) {
            controller.enqueue(new Uint8Array(content.subarray(at, at + 10000)));
          }
          controller.close();
        },
      })
    : new Uint8Array(content);
  const message = await openpgp.createMessage({ binary, format: 'binary' });
  const config = settings(chunkOctet);
  const encrypted = await openpgp.encrypt({ message, passwords: password, format: 'binary', config });
  return { message: (await whole(encrypted)).toString('base64') };
}

async function open({ open, password }) {
  const octets = Buffer.from(open, 'base64');
  const armored = octets[0] === 0x2d;
  const message = armored
    ? await openpgp.readMessage({ armoredMessage: octets.toString() })
    : await openpgp.readMessage({ binaryMessage: new Uint8Array(octets) });
  const config = settings(10);
  const { data } = await openpgp.decrypt({ message, passwords: password, format: 'binary', config });
  return { content: (await whole(data)).toString('base64') };
}

async function whole(data) {
  if (data instanceof Uint8Array) {
    return Buffer.from(data);
  }
  const pieces = [];
  for await (const piece of data) {
    pieces.push(Buffer.from(piece));
  }
  return Buffer.concat(pieces);
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const request = JSON.parse(line);
  let answer;
  try {
    answer = 'seal' in request ? await seal(request) : await open(request);
  } catch (error) {
    answer = { error: String(error.message ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
