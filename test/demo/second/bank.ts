import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'

/** What the bank saw, told by nobody but the bank. */
export interface Ledger {
  /** Path -> most requests at one time. */
  readonly atOnce: Readonly<Record<string, number>>
  /** Accounts that were charged twice at one time: their order would be anybody's guess. */
  readonly crossed: readonly string[]
  /** Account -> orders in the order in which they were charged. */
  readonly charged: ReadonlyMap<string, readonly number[]>
  /** Idempotency key and path -> how often it was carried out. */
  readonly done: ReadonlyMap<string, number>
  readonly refused: number
}

export interface Bank extends AsyncDisposable {
  readonly url: string
  readonly ledger: Ledger
  /** From now on it answers 200 instead of 503. */
  open(): void
}

const body = z.object({ order: z.int(), account: z.string() })
const workMs = 5

/** A destination of its own, over HTTP, that refuses everything until it is opened. */
export async function startBank(): Promise<Bank> {
  const running: Record<string, number> = {}
  const ledger = {
    atOnce: {} as Record<string, number>,
    crossed: [] as string[],
    charged: new Map<string, number[]>(),
    done: new Map<string, number>(),
    refused: 0,
  }
  const accounts = new Set<string>()
  let isOpen = false

  async function serve(path: string, key: string, request: IncomingMessage): Promise<number> {
    running[path] = (running[path] ?? 0) + 1
    ledger.atOnce[path] = Math.max(ledger.atOnce[path] ?? 0, running[path])
    const { order, account } = body.parse(JSON.parse(await text(request)))
    const isCharge = path === '/charge'
    try {
      if (isCharge && accounts.has(account)) ledger.crossed.push(account)
      if (isCharge) accounts.add(account)
      await pause(workMs)
      if (!isOpen) {
        ledger.refused += 1
        return 503
      }
      const name = `${path} ${key}`
      ledger.done.set(name, (ledger.done.get(name) ?? 0) + 1)
      if (isCharge) ledger.charged.set(account, [...(ledger.charged.get(account) ?? []), order])
      return 200
    } finally {
      accounts.delete(account)
      running[path] -= 1
    }
  }

  const server = createServer((request, response) => {
    const key = String(request.headers['idempotency-key'] ?? '')
    serve(request.url ?? '', key, request).then(
      (status) => response.writeHead(status).end(),
      () => response.writeHead(400).end(),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    ledger,
    open() {
      isOpen = true
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function text(request: IncomingMessage): Promise<string> {
  let all = ''
  for await (const chunk of request) all += String(chunk)
  return all
}
