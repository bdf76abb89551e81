import { randomBytes } from 'node:crypto'
import type { User } from '@waybill/api/http'
import { digestOf } from './sign-in.ts'

/** Who is signed in. In memory: a restart signs everybody out. */
export interface Sessions {
  /** The secret that the cookie carries. */
  begin(user: User): string
  userOf(secret: string): User | undefined
  end(secret: string): void
}

const sessionsMax = 10_000

export function createSessions(lastsMs: number, now: () => number): Sessions {
  // By digest: what lies here signs nobody in.
  const open = new Map<string, { user: User; until: number }>()
  const keyOf = (secret: string) => digestOf(secret).toString('hex')

  /** In the order in which they end, since all last equally long. */
  function forget(): void {
    for (const [key, { until }] of open) {
      if (until > now() && open.size < sessionsMax) return
      open.delete(key)
    }
  }

  return {
    begin(user) {
      forget()
      const secret = randomBytes(32).toString('base64url')
      open.set(keyOf(secret), { user, until: now() + lastsMs })
      return secret
    },
    userOf(secret) {
      const session = open.get(keyOf(secret))
      return session !== undefined && session.until > now() ? session.user : undefined
    },
    end(secret) {
      open.delete(keyOf(secret))
    },
  }
}
