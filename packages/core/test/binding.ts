import { defaultTimeouts, definitionHash, type Manifest } from '../src/index.ts'
import { sha256 } from './sha256.ts'

/** A binding as tests want one: three attempts, a second between them. */
export function binding(over: Partial<Manifest> = {}): Manifest {
  const made: Manifest = {
    v: 1,
    id: 'label',
    version: 1,
    hash: '0'.repeat(32),
    on: ['issue.*'],
    retry: { kind: 'fixed', delayMs: 1000, maxAttempts: 3, jitter: 'none' },
    timeouts: defaultTimeouts,
    priority: 'normal',
    tier: 'act_auto',
    onPermanentError: 'dlq',
    maxChainDepth: 16,
    poisonMax: 3,
    handler: { kind: 'local', code: 'a'.repeat(32), isolate: false },
    ...over,
  }
  return { ...made, hash: definitionHash(sha256, made) }
}
