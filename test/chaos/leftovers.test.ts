import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'

/** Says what it undoes; waits for its end when it is told to. */
const script = (then: string): string => `
  import { leftover } from ${JSON.stringify(new URL('leftovers.ts', import.meta.url).href)}
  leftover(() => process.stdout.write('first '))
  leftover(() => process.stdout.write('disposed '))[Symbol.dispose]()
  leftover(() => { throw new Error('this one fails') })
  leftover(() => process.stdout.write('last '))
  process.stdout.write('ready ')
  ${then}`

async function lives(then: string, signal?: NodeJS.Signals) {
  const args = ['--input-type=module', '--eval', script(then)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    if (signal !== undefined && said === 'ready ') child.kill(signal)
  })
  const [code, by] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return { said, code, by }
}

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '%s: what is left is undone, the newest first, and it still ends by the signal',
  async (signal) => {
    const ended = await lives('setInterval(() => undefined, 1000)', signal)
    expect(ended).toEqual({ said: 'ready last first ', code: null, by: signal })
  },
)

test('so it is when it ends by itself, or fails', async () => {
  expect(await lives('process.exitCode = 3')).toEqual({
    said: 'ready last first ',
    code: 3,
    by: null,
  })
  expect(await lives('throw new Error("broken")')).toEqual({
    said: 'ready last first ',
    code: 1,
    by: null,
  })
})
