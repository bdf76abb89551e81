import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Health } from './health.ts'
import type { Metrics } from './telemetry.ts'

export interface OpsSources {
  readonly health: Health
  readonly metrics: Metrics
}

export interface OpsAnswer {
  readonly status: number
  readonly type: string
  readonly body: string
}

/** What supervisors and scrapers ask for, by path; undefined for anything else. */
export async function answerOps(
  path: string,
  { health, metrics }: OpsSources,
): Promise<OpsAnswer | undefined> {
  switch (path) {
    case '/livez':
      return { status: 200, type: 'text/plain', body: 'alive\n' }
    case '/readyz': {
      const report = await health.report()
      const body = `${JSON.stringify(report)}\n`
      return { status: report.ready ? 200 : 503, type: 'application/json', body }
    }
    case '/metrics':
      return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: metrics.text() }
    default:
      return undefined
  }
}

export interface OpsServer extends AsyncDisposable {
  readonly port: number
}

/** For services that have no HTTP of their own. */
export async function openOpsServer(
  sources: OpsSources,
  { host = '127.0.0.1', port }: { host?: string; port: number },
): Promise<OpsServer> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://ops').pathname
    void answerOps(path, sources).then((answer) => {
      response.writeHead(answer?.status ?? 404, { 'content-type': answer?.type ?? 'text/plain' })
      response.end(answer?.body ?? 'not found\n')
    })
  })
  server.headersTimeout = 5000
  server.requestTimeout = 5000
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port, // listening on TCP, so it has one
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}
