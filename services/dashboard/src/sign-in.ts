import { createHash, timingSafeEqual } from 'node:crypto'
import type { User } from '@waybill/api/http'

/**
 * A way to prove who one is. Whatever it is (a token here, an identity provider's callback
 * elsewhere), it ends in a user, and the session begins with that.
 */
export interface SignIn {
  readonly kind: 'token'
  /** Undefined: nobody. */
  userOf(credential: string): User | undefined
}

export function tokenSignIn(tokens: readonly (User & { readonly token: string })[]): SignIn {
  // Digests have one length whatever was sent, and all are compared: the time tells nothing.
  const known = tokens.map(({ token, name, role }) => ({ digest: digestOf(token), name, role }))
  return {
    kind: 'token',
    userOf(credential) {
      const given = digestOf(credential)
      const [found] = known.filter(({ digest }) => timingSafeEqual(digest, given))
      return found && { name: found.name, role: found.role }
    },
  }
}

export const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Counts wrong credentials by address. */
export interface Failures {
  /** Ms until this address may try again; 0: now. */
  waitMs(address: string): number
  add(address: string): void
}

const windowMs = 60_000
/** Addresses that are remembered; whoever has more than this to try from is another problem. */
const addressesMax = 10_000

export function createFailures(max: number, now: () => number): Failures {
  const failed = new Map<string, number[]>()
  const recent = (address: string) =>
    (failed.get(address) ?? []).filter((at) => at > now() - windowMs)
  return {
    waitMs(address) {
      const times = recent(address)
      const oldest = times[0]
      return oldest === undefined || times.length < max ? 0 : oldest + windowMs - now()
    },
    add(address) {
      const times = [...recent(address), now()].slice(-max)
      failed.delete(address)
      failed.set(address, times)
      const [first] = failed.size > addressesMax ? failed.keys() : []
      if (first !== undefined) failed.delete(first)
    },
  }
}
