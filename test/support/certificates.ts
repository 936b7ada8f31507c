/** A certificate authority of a test's own, and certificates signed by it, as PEM. */
import { createPublicKey } from 'node:crypto';
import { isIP } from 'node:net';
import { generate, type CertificateExtension } from 'selfsigned';

export interface Certificate {
  readonly cert: string;
  /** PKCS#8, without a passphrase. */
  readonly key: string;
}

const options = (extensions: CertificateExtension[]) =>
  ({ keyType: 'ec', curve: 'P-256', algorithm: 'sha256', extensions }) as const;

/**
 * @param notAfterDate when it ends; in a year unless given
 * @param before the same CA, whose key it keeps
 */
export const createAuthority = async (
  commonName: string,
  notAfterDate?: Date,
  before?: Certificate,
): Promise<Certificate> => {
  const { cert, private: key } = await generate([{ name: 'commonName', value: commonName }], {
    ...options([
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ]),
    ...(notAfterDate === undefined ? {} : { notAfterDate }),
    ...(before === undefined ? {} : { keyPair: keyPairOf(before) }),
  });
  return { cert, key };
};

const keyPairOf = ({ key }: Certificate) => ({
  privateKey: key,
  publicKey: createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString(),
});

/** A certificate for a server on 127.0.0.1 or one of `hosts`, and for a client called `commonName`. */
export const issueCertificate = async (
  authority: Certificate,
  commonName: string,
  hosts: readonly string[] = [],
): Promise<Certificate> => {
  const { cert, private: key } = await generate([{ name: 'commonName', value: commonName }], {
    ...options([
      { name: 'basicConstraints', cA: false },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          ...hosts.map((value) => (isIP(value) === 0 ? { type: 2 as const, value } : { type: 7 as const, ip: value })),
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ]),
    ca: authority,
  });
  return { cert, key };
};
