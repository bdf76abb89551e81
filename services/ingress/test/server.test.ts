import { expect, test } from 'vitest'
import { openHttpServer } from '@waybill/service'
import { createTestIngress } from './fixture/ingress.ts'
import { openSocket } from './fixture/raw.ts'

const options = {
  host: '127.0.0.1',
  port: 0,
  requestWithinMs: 5000,
  connectionsMax: 10,
  drainMs: 5000,
}
const head =
  'POST /webhooks/open HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n'

test('what is in progress is answered, then the connection ends, and no other is taken', async () => {
  await using other = createTestIngress({ endpoints: [{ name: 'open', verifier: 'none' }] })
  const closing = await openHttpServer(other.app, options)
  const idle = await openSocket(closing.port)
  const active = await openSocket(closing.port)
  active.socket.write(`GET /livez HTTP/1.1\r\nhost: x\r\n\r\n`)
  await active.until(/alive/)
  active.socket.write(head)
  // Asked on another connection after the head: the head has been read by then.
  await fetch(`http://127.0.0.1:${closing.port}/livez`)
  other.stopping.abort()
  const closed = closing[Symbol.asyncDispose]()
  await idle.closed
  active.socket.write('{}')
  expect(await active.until(/202[\s\S]*"id"/)).toMatch(/connection: close/i)
  await active.closed
  await closed
  await expect(fetch(`http://127.0.0.1:${closing.port}/livez`)).rejects.toThrow('fetch failed')
  expect(other.stored()).toHaveLength(1)
})

test('what takes too long is cut', async () => {
  await using other = createTestIngress()
  const closing = await openHttpServer(other.app, { ...options, drainMs: 10 })
  const slow = await openSocket(closing.port)
  slow.socket.write(head)
  await fetch(`http://127.0.0.1:${closing.port}/livez`)
  await closing[Symbol.asyncDispose]()
  await slow.closed
})
