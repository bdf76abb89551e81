import type { HttpBindings } from '@hono/node-server'
import { HttpError, type User } from '@waybill/api/http'
import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { CookieOptions } from 'hono/utils/cookie'
import type { DashboardConfig } from './config.ts'
import { isLoopback } from './guard.ts'
import { createSessions } from './sessions.ts'
import { createFailures, tokenSignIn } from './sign-in.ts'

/** Who asks. */
export interface Who {
  readonly auth: 'none' | 'token'
  /** By the session's cookie, or by a bearer token; undefined: nobody is signed in. */
  userOf(context: Context): User | undefined
  /** Begins a session. */
  signIn(context: Context, token: string): User
  signOut(context: Context): void
}

export function createWho(config: DashboardConfig): Who {
  const { tokens, user, httpHost } = config
  return tokens.length === 0 ? everybody(user) : byToken(config, !isLoopback(httpHost))
}

/** Whoever reaches the port, which only this machine can. */
function everybody(name: string): Who {
  const user: User = { name, role: 'operator' }
  return { auth: 'none', userOf: () => user, signIn: () => user, signOut: () => undefined }
}

function byToken(config: DashboardConfig, secure: boolean): Who {
  const { tokens, sessionMs, signInFailuresMax } = config
  const way = tokenSignIn(tokens)
  const sessions = createSessions(sessionMs, Date.now)
  const failures = createFailures(signInFailuresMax, Date.now)
  const name = secure ? '__Host-waybill_session' : 'waybill_session'
  const shared: CookieOptions = { path: '/', httpOnly: true, sameSite: 'Strict', secure }

  function check(context: Context, token: string): User {
    const address = addressOf(context)
    const waitMs = failures.waitMs(address)
    if (waitMs > 0) throw tooOften(waitMs)
    const user = way.userOf(token)
    if (user !== undefined) return user
    failures.add(address)
    throw wrongToken()
  }

  return {
    auth: way.kind,
    userOf(context) {
      const secret = getCookie(context, name)
      const known = secret === undefined ? undefined : sessions.userOf(secret)
      const token = /^bearer +(\S+)$/i.exec(context.req.header('authorization') ?? '')?.[1]
      return known ?? (token === undefined ? undefined : check(context, token))
    },
    signIn(context, token) {
      const user = check(context, token)
      setCookie(context, name, sessions.begin(user), {
        ...shared,
        maxAge: Math.floor(sessionMs / 1000),
      })
      return user
    },
    signOut(context) {
      const secret = deleteCookie(context, name, shared)
      if (secret !== undefined) sessions.end(secret)
    },
  }
}

/** Asked without a port there is no address: then all are one. */
function addressOf(context: Context): string {
  const { incoming } = (context.env ?? {}) as Partial<HttpBindings> // the server's own, if it is there
  return incoming?.socket.remoteAddress ?? ''
}

const wrongToken = (): HttpError =>
  new HttpError(401, {
    kind: 'refused',
    code: 'WB6001',
    what: 'nobody is signed in',
    why: 'the token is not known',
    refusal: 'signed_out',
  })

const tooOften = (retryAfterMs: number): HttpError =>
  new HttpError(429, {
    kind: 'unavailable',
    code: 'WB6005',
    what: 'too many wrong tokens',
    why: 'they came from your address within a minute',
    retryAfterMs,
  })
