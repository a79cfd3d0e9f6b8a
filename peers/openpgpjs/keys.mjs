// Works with keys in OpenPGP.js. Each line of standard input is a request in JSON, each line of standard output its answer;
// octets are in BASE64, keys and certificates armored.
//
//   {"do": "version"}                               -> {"text": TEXT}
//   {"do": "import", key}                           -> {"octets": certificate}
//   {"do": "generate", "v6": BOOLEAN}               -> {"octets": key}
//   {"do": "encrypt", key, certificate, content}    -> {"octets": message}, signed by the key, to the certificate
//   {"do": "decrypt", key, certificate, message}    -> {"octets": content}, once its signature is verified
//   {"do": "sign", key, content}                    -> {"octets": signature}
//   {"do": "verify", certificate, content, signature} -> {"octets": ""}
//   what fails                                      -> {"error": TEXT}
import * as openpgp from 'openpgp';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const octets = (text) => new Uint8Array(Buffer.from(text, 'base64'));
const secret = ({ key }) => openpgp.readPrivateKey({ armoredKey: key });
const certificate = ({ certificate }) => openpgp.readKey({ armoredKey: certificate });

const work = {
  async import(request) {
    return (await secret(request)).toPublic().write();
  },

  async generate({ v6 }) {
    const { privateKey } = await openpgp.generateKey({
      type: v6 ? 'curve25519' : 'ecc',
      userIDs: [{ name: 'Peer', email: 'peer@example.net' }],
      format: 'object',
      config: { v6Keys: v6 },
    });
    return privateKey.write();
  },

  async encrypt(request) {
    return openpgp.encrypt({
      message: await openpgp.createMessage({ binary: octets(request.content) }),
      encryptionKeys: await certificate(request),
      signingKeys: await secret(request),
      format: 'binary',
    });
  },

  async decrypt(request) {
    const { data, signatures } = await openpgp.decrypt({
      message: await openpgp.readMessage({ binaryMessage: octets(request.message) }),
      decryptionKeys: await secret(request),
      verificationKeys: await certificate(request),
      expectSigned: true,
      format: 'binary',
    });
    await Promise.all(signatures.map((signature) => signature.verified));
    return data;
  },

  async sign(request) {
    return openpgp.sign({
      message: await openpgp.createMessage({ binary: octets(request.content) }),
      signingKeys: await secret(request),
      detached: true,
      format: 'binary',
    });
  },

  async verify(request) {
    await openpgp.verify({
      message: await openpgp.createMessage({ binary: octets(request.content) }),
      signature: await openpgp.readSignature({ binarySignature: octets(request.signature) }),
      verificationKeys: await certificate(request),
      expectSigned: true,
    });
    return new Uint8Array();
  },
};

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const request = JSON.parse(line);
  let answer;
  try {
    if (request.do === 'version') {
      const locked = JSON.parse(readFileSync('node_modules/openpgp/package.json', 'utf8'));
      answer = { text: `OpenPGP.js ${locked.version}` };
    } else {
      answer = { octets: Buffer.from(await work[request.do](request)).toString('base64') };
    }
  } catch (error) {
    answer = { error: String(error.message ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
