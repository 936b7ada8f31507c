/** Texts that only this service can write and read, such as cookies: JWE (RFC 7516), `dir` with A256GCM. */
import { createHash, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { EncryptJWT, errors, jwtDecrypt, type JWTPayload } from 'jose';

export interface Sealer {
  /** @param purpose what it is for: it is opened for nothing else @param seconds after which nobody can open it any more */
  seal(purpose: string, content: JWTPayload, seconds: number): Promise<string>;
  /** What is in it; nothing where it is too old, for something else, or not of ours. */
  open(purpose: string, sealed: string): Promise<JWTPayload | undefined>;
}

const KEY_BYTES = 32;
const ALGORITHMS = { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] };

/**
 * @param secrets the first seals, each opens: a new one is put in front, and the old one taken away when all that it sealed is too old
 * @param context what must be the same on both sides, such as the settings that the content goes by
 */
export const createSealer = (secrets: readonly string[], context: string): Sealer => {
  const keys = secrets.map((secret) => {
    const bytes = Buffer.from(hkdfSync('sha256', secret, '', 'sealed texts', KEY_BYTES));
    // An object: made once, and not for each text.
    return { key: createSecretKey(bytes), kid: createHash('sha256').update(bytes).digest('base64url').slice(0, 8) };
  });
  const [first] = keys;
  if (first === undefined) throw new Error('there is no secret');
  return {
    seal: (purpose, content, seconds) =>
      new EncryptJWT(content)
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: first.kid })
        .setIssuer(context)
        .setAudience(purpose)
        .setExpirationTime(`${seconds} s`)
        .encrypt(first.key),
    open: async (purpose, sealed) => {
      const keyOf = ({ kid }: { readonly kid?: string }): KeyObject => {
        const found = keys.find((each) => each.kid === kid);
        if (found === undefined) throw new errors.JWEDecryptionFailed();
        return found.key;
      };
      try {
        const claims = { issuer: context, audience: purpose, requiredClaims: ['exp'] };
        return (await jwtDecrypt(sealed, keyOf, { ...ALGORITHMS, ...claims })).payload;
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined;
        throw error;
      }
    },
  };
};
