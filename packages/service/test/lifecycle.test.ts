import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { createLogger, openScope, ServiceError } from '../src/index.ts'

const log = createLogger({ level: 'silent' })

function closable(name: string, order: string[]): AsyncDisposable {
  return { [Symbol.asyncDispose]: async () => void order.push(name) }
}

const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))

test('stopping undoes things and tasks in reverse order, each after the one before has ended', async () => {
  const order: string[] = []
  const scope = openScope({ log })
  await scope.use(closable('log', order))
  scope.run('host', async (signal) => {
    await untilAborted(signal)
    order.push('host ends')
    await Promise.resolve()
    order.push('host ended')
  })
  await scope.use(Promise.resolve(closable('http', order)))
  await scope.stop()
  expect(order).toEqual(['http', 'host ends', 'host ended', 'log'])
  expect(scope.signal.aborted).toBe(true)
})

test('a task that throws stops everything, and whoever stops the scope hears why', async () => {
  const order: string[] = []
  const scope = openScope({ log })
  await scope.use(closable('log', order))
  const cause = new Error('broken')
  scope.run('host', () => Promise.reject(cause))
  await untilAborted(scope.signal)
  await expect(scope.stop()).rejects.toBe(cause)
  expect(order).toEqual(['log'])
})

test('a task may end by itself; its throw while stopping is nobody’s failure', async () => {
  const scope = openScope({ log })
  scope.run('once', () => Promise.resolve())
  scope.run('late', async (signal) => {
    await untilAborted(signal)
    throw new Error('interrupted')
  })
  await scope.stop()
})

test('what does not stop within the grace period is left behind, the rest is still told to stop', async () => {
  const order: string[] = []
  const scope = openScope({ log, graceMs: 5 })
  await scope.use(closable('log', order))
  await scope.use({ [Symbol.asyncDispose]: () => new Promise<void>(() => {}) }, 'stuck')
  await expect(scope.stop()).rejects.toMatchObject({ code: 'WB1103', where: 'stuck' })
  expect(order).toEqual(['log'])
})

test('what fails to close does not keep the rest open', async () => {
  const order: string[] = []
  const scope = openScope({ log })
  await scope.use(closable('log', order))
  const cause = new Error('cannot close')
  await scope.use({ [Symbol.asyncDispose]: () => Promise.reject(cause) })
  await expect(scope.stop()).rejects.toBe(cause)
  expect(order).toEqual(['log'])
})

test('what is opened after the end is closed at once', async () => {
  const order: string[] = []
  const scope = openScope({ log })
  await scope.stop()
  await expect(scope.use(closable('late', order))).rejects.toBeInstanceOf(ServiceError)
  scope.run('late', async () => void order.push('ran'))
  expect(order).toEqual(['late'])
})

const fixture = fileURLToPath(new URL('fixture/process.ts', import.meta.url))

/** Starts a process that serves, sends it signals once it says so, and answers how it ended. */
async function processThat(does: string, ...signals: NodeJS.Signals[]) {
  const child = spawn(process.execPath, ['--conditions=@waybill/source', fixture, does])
  let said = ''
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => (errors += String(chunk)))
  child.stdout.on('data', (chunk: Buffer) => {
    said += String(chunk)
    const signal = /up|closing/.test(String(chunk)) ? signals.shift() : undefined
    if (signal) child.kill(signal)
  })
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  return { code, signal, said: said.trim().split('\n'), errors }
}

test('SIGTERM drains and ends with 0', async () => {
  expect(await processThat('serve', 'SIGTERM')).toMatchObject({
    code: 0,
    said: ['up', 'closing', 'closed'],
  })
})

test('a second signal ends it at once', async () => {
  expect(await processThat('hang', 'SIGINT', 'SIGTERM')).toMatchObject({
    code: 143,
    said: ['up', 'closing'],
  })
})

test('a failure ends it with its code and an explanation', async () => {
  const started = await processThat('fail')
  expect(started).toMatchObject({ code: 69, said: ['closing', 'closed'] })
  expect(started.errors).toContain('WB9999 no luck')
})

test.each(['throw', 'reject'])(
  'an unexpected %s ends it, but not before what is open is closed',
  async (how) => {
    expect(await processThat(how)).toMatchObject({ code: 70, said: ['up', 'closing', 'closed'] })
  },
)

test('wrong settings end it with 78 and the list', async () => {
  const started = await processThat('config')
  expect(started.code).toBe(78)
  expect(started.errors).toContain('WAYBILL_PORT: ')
})
