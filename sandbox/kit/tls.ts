import { randomBytes, webcrypto } from 'node:crypto';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { readFileIfThere, replaceFile } from './durable-file';

export interface Certificates {
  /** PEM file of the CA that clients are to trust (`NODE_EXTRA_CA_CERTS`, or `tlsOptions.ca` of an SDK client). */
  caFile: string;
  key: string;
  cert: string;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MILLISECONDS = 86_400_000;
const LIFETIME_DAYS = 800;

/**
 * The CA of this local cloud and a server certificate for `localhost`, `127.0.0.1` and `::1`; made at the first start,
 * made again when less than a month is left.
 */
export async function ensureCertificates(directory: string): Promise<Certificates> {
  const caFile = join(directory, 'ca.pem');
  const certFile = join(directory, 'server.pem');
  const keyFile = join(directory, 'server.key.pem');
  const cert = readFileIfThere(certFile);
  const key = readFileIfThere(keyFile);
  if (cert !== undefined && key !== undefined && readFileIfThere(caFile) !== undefined) {
    if (new x509.X509Certificate(cert).notAfter.getTime() > Date.now() + 30 * DAY_MILLISECONDS)
      return { caFile, key, cert };
  }
  const made = await makeCertificates();
  replaceFile(keyFile, made.key);
  replaceFile(caFile, made.ca, 0o644);
  replaceFile(certFile, made.cert, 0o644);
  return { caFile, key: made.key, cert: made.cert };
}

async function makeCertificates(): Promise<{ ca: string; key: string; cert: string }> {
  const period = {
    notBefore: new Date(Date.now() - DAY_MILLISECONDS),
    notAfter: new Date(Date.now() + LIFETIME_DAYS * DAY_MILLISECONDS),
  };
  const caKeys = (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  // The CA's private key is not kept: nothing else can ever be signed with a CA that people may have told a client to trust.
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...period,
    serialNumber: serialNumber(),
    name: `CN=Keyturn local cloud CA ${randomBytes(4).toString('hex')}`,
    signingAlgorithm: ALGORITHM,
    keys: caKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(caKeys.publicKey),
    ],
  });
  const keys = (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const leaf = await x509.X509CertificateGenerator.create({
    ...period,
    serialNumber: serialNumber(),
    subject: 'CN=localhost',
    issuer: ca.subject,
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: caKeys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
        { type: 'ip', value: '::1' },
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(caKeys.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { ca: ca.toString('pem'), key: x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'), cert: leaf.toString('pem') };
}

/** Positive, as X.509 wants it. */
function serialNumber(): string {
  return `01${randomBytes(15).toString('hex')}`;
}
