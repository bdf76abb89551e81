import { forbidden } from '@waybill/api/http'
import type { MiddlewareHandler } from 'hono'

const loopbackNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]'])

export const isLoopback = (host: string): boolean =>
  loopbackNames.has(host) || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)

/**
 * Another site's page may send requests here, with the cookies of whoever looks at it. Its name
 * stands in Origin and Sec-Fetch-Site, which no page can write. Programs send neither.
 *
 * @param hosts names that it is reached by; empty: any name
 */
export function guard(hosts: ReadonlySet<string>): MiddlewareHandler {
  return async (context, next) => {
    const host = context.req.header('host') ?? ''
    // A foreign name that was made to point to this address (DNS rebinding) has an origin that
    // fits; only the name itself tells.
    if (hosts.size > 0 && !hosts.has(nameOf(host))) {
      throw forbidden('origin', `this is not ${host.slice(0, 253)}`, {
        where: 'host',
        next: 'name it in WAYBILL_DASHBOARD_HOSTS',
      })
    }
    const isPage = context.req.method === 'GET' && !context.req.path.startsWith('/api/')
    if (!isPage)
      checkOrigin(context.req.header('origin'), context.req.header('sec-fetch-site'), host)
    await next()
  }
}

export const allowedHosts = (httpHost: string, hosts: readonly string[]): ReadonlySet<string> =>
  isLoopback(httpHost) || hosts.length > 0
    ? new Set([...loopbackNames, ...hosts.map((host) => host.toLowerCase())])
    : new Set()

function checkOrigin(origin: string | undefined, site: string | undefined, host: string): void {
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    throw forbidden('origin', `the request comes from a ${site} page`, { where: 'sec-fetch-site' })
  }
  if (origin === undefined || hostOf(origin) === host.toLowerCase()) return
  const named = origin.slice(0, 253)
  throw forbidden('origin', `the request comes from ${named}`, { where: 'origin' })
}

/** The scheme is left out: what is in front of us may speak TLS. */
function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined
}

function nameOf(host: string): string {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : ''
}

const policyOf = (connect: readonly string[]): string =>
  [
    `default-src 'self'`,
    `connect-src ${[`'self'`, ...connect].join(' ')}`,
    `img-src 'self' data:`,
    `object-src 'none'`,
    `base-uri 'none'`,
    `form-action 'self'`,
    `frame-ancestors 'none'`,
  ].join('; ')

const headers = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/**
 * On every answer, refusals too.
 *
 * @param connect where else the page may connect to
 */
export function safeHeaders(connect: readonly string[]): MiddlewareHandler {
  const all = Object.entries({ ...headers, 'content-security-policy': policyOf(connect) })
  return async (context, next) => {
    await next()
    for (const [name, value] of all) context.res.headers.set(name, value)
  }
}
