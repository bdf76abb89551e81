import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

export type Weather =
  | 'clear'
  /** Bytes stay where they are, both ways; the connections stay open. */
  | 'frozen'
  /** What the server answers never arrives: whatever was asked for may have happened. */
  | 'deaf'
  /** What is asked never arrives at the server. */
  | 'mute'
  /** 50 bytes a second, each way. */
  | 'slow'

export interface Proxy extends AsyncDisposable {
  readonly url: string
  weather: Weather
  /** Ends every connection with RST. */
  reset(): void
}

const slowBytes = 50

/** Stands between services and the server, and lets through what the weather allows. */
export async function startProxy(serverPort: number): Promise<Proxy> {
  const open = new Set<Socket>()
  let weather: Weather = 'clear'
  const changed = new EventTarget()

  /** Resolves with how long the bytes took: back-pressure keeps the rest in the sender. */
  async function carry(from: Socket, to: Socket, lostIn: Weather): Promise<void> {
    for await (const chunk of from) {
      const bytes = chunk as Buffer // no encoding is set
      while (weather === 'frozen') await once(changed, 'change')
      // A stream with a hole in it is no NATS any more: a deaf connection stays deaf for ever.
      if (weather === lostIn) await new Promise((never) => from.once('close', never))
      if (weather === 'slow') await drip(bytes, to)
      else await write(to, bytes)
    }
    to.destroy()
  }

  async function drip(bytes: Buffer, to: Socket): Promise<void> {
    let at = 0
    for (; at < bytes.length && weather === 'slow'; at += slowBytes) {
      await write(to, bytes.subarray(at, at + slowBytes))
      await wait(1000)
    }
    await write(to, bytes.subarray(at))
  }

  const server = createServer((client) => {
    const upstream = connect({ host: '127.0.0.1', port: serverPort })
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true)
      open.add(socket)
      socket.once('close', () => {
        open.delete(socket)
        client.destroy()
        upstream.destroy()
      })
      socket.on('error', () => socket.destroy())
    }
    carry(client, upstream, 'mute').catch(() => client.destroy())
    carry(upstream, client, 'deaf').catch(() => upstream.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `nats://127.0.0.1:${address.port}`,
    get weather() {
      return weather
    },
    set weather(to) {
      weather = to
      changed.dispatchEvent(new Event('change'))
    },
    reset() {
      for (const socket of open) socket.resetAndDestroy()
    },
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of open) socket.destroy()
      await once(server, 'close')
    },
  }
}

async function write(to: Socket, bytes: Buffer): Promise<void> {
  if (to.destroyed) return
  if (!to.write(bytes)) await Promise.race([once(to, 'drain'), once(to, 'close')])
}
