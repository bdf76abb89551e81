import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'

type Manner = 'serves' | 'refuses' | 'holds up'

/** Whom the shop's handlers ask: they get on when a test says so, and not by the clock. */
export interface Desk extends AsyncDisposable {
  readonly url: string
  /** What it does from now on; who is held up is let go unless it holds up still. */
  now(name: string, manner: Manner): void
  /** Nobody is held up any more, now or later: who is would hold up the end of the app as well. */
  letGo(): void
}

export async function openDesk(): Promise<Desk> {
  const manners = new Map<string, Manner>()
  const held = new Map<string, Set<ServerResponse>>()
  const server = createServer(({ url = '/' }, response) => {
    const name = url.slice(1)
    const manner = manners.get(name) ?? 'serves'
    if (manner !== 'holds up') {
      answer(response, manner)
      return
    }
    const waiting = held.get(name) ?? new Set()
    held.set(name, waiting.add(response))
    response.once('close', () => waiting.delete(response))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `http://127.0.0.1:${address.port}/`,
    now(name, manner) {
      manners.set(name, manner)
      if (manner === 'holds up') return
      for (const response of held.get(name) ?? []) answer(response, manner)
    },
    letGo() {
      manners.clear()
      for (const response of [...held.values()].flatMap((waiting) => [...waiting])) {
        answer(response, 'serves')
      }
    },
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

function answer(response: ServerResponse, manner: 'serves' | 'refuses'): void {
  response.writeHead(manner === 'serves' ? 200 : 403).end()
}
