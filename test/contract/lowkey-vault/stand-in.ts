import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { startKeyVault } from '../../../sandbox/key-vault';
import { assign, owner, startFixture } from '../../sandbox/cloud-fixture';
import { apiVersion } from './release';

/**
 * What a test starts in place of Lowkey Vault: our own vault as a program that takes its arguments, signs its own certificate as its keystore
 * has it (no CA, no constraints), takes any token for its owner's, and knows no newer version of the API.
 */
async function main(args: readonly string[]): Promise<void> {
  const port = Number(args.map((arg) => /^--server\.port=(\d+)$/.exec(arg)?.[1]).find((found) => found !== undefined));
  const { context, directory } = await startFixture();
  context.certificates = { ...context.certificates, ...(await selfSigned()) };
  context.tokens.verify = (header) => (header === undefined ? undefined : owner);
  context.faults.add({
    standIn: 'keyVault',
    // The SDK writes the hyphen as %2D.
    path: `api(?:-|%2D)version=(?!${apiVersion.replace('.', '\\.')}(&|$))`,
    effect: { kind: 'status', status: 400 },
  });
  const seed = { name: 'lowkey', keys: [] };
  const { vault } = await startKeyVault(context, seed, { directory, tokenUrl: 'https://localhost:1', port });
  assign(context, owner, 'Key Vault Crypto Officer', vault.resourceId);
}

async function selfSigned(): Promise<{ key: string; cert: string }> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=lowkey-vault.local',
    notBefore: new Date(Date.now() - 86_400_000),
    notAfter: new Date(Date.now() + 86_400_000),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: 'lowkey-vault.local' },
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
      ]),
    ],
  });
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'), cert: cert.toString('pem') };
}

void main(process.argv.slice(2));
