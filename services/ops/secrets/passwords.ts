/**
 * Passwords that no operator makes, made once.
 * The Secrets exist already, as part of the manifests, without the password: so the right to fill in these few is enough.
 */
import { randomBytes } from 'node:crypto';
import { PatchStrategy, setHeaderOptions, type CoreV1Api } from '@kubernetes/client-node';
import { TaskstreamError } from '../../platform/errors.ts';
import { isStatus } from '../cli/kubernetes.ts';

/** 32 characters that no shell, URL or YAML file has to quote. */
const newPassword = (): string => randomBytes(24).toString('base64url');

const ATTEMPTS = 5;
const NOT_FOUND = 404;
const CONFLICT = 409;

export interface SecretKey {
  readonly secret: string;
  readonly key: string;
}

/**
 * Writes a new password under the key, unless there is one. A password that exists is never changed: the write holds
 * only for the version of the Secret that was seen without one, so that of two that run at once one prevails.
 * @returns whether this call made it
 * @throws TaskstreamError when the Secret is missing, ApiException when it may not be changed
 */
export const ensurePassword = async (
  api: Pick<CoreV1Api, 'readNamespacedSecret' | 'patchNamespacedSecret'>,
  namespace: string,
  { secret, key }: SecretKey,
): Promise<boolean> => {
  for (let attempt = 1; ; attempt += 1) {
    const { data, metadata } = await api.readNamespacedSecret({ name: secret, namespace }).catch((error: unknown) => {
      throw isStatus(error, NOT_FOUND) ? missing(namespace, secret, error) : error;
    });
    if (data?.[key]) return false;
    const body = {
      metadata: { resourceVersion: metadata?.resourceVersion },
      data: { [key]: Buffer.from(newPassword()).toString('base64') },
    };
    try {
      await api.patchNamespacedSecret(
        { name: secret, namespace, body },
        setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
      );
      return true;
    } catch (error) {
      if (!isStatus(error, CONFLICT) || attempt === ATTEMPTS) throw error;
    }
  }
};

const missing = (namespace: string, secret: string, cause: unknown): TaskstreamError =>
  new TaskstreamError(
    'invalid_configuration',
    `There is no Secret ${secret} in namespace ${namespace}: apply the manifests, which have it, first.`,
    { cause },
  );
