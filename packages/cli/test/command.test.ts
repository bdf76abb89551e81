import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { encode, type Transition } from '@waybill/core'
import { decodeEntry, sha256, walk } from '@waybill/log'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readExport, writeExport } from '../src/replay/export.ts'
import { createSliceTaker, type Slice } from '../src/replay/slice.ts'
import { app } from './fixture/app.ts'
import { app as today } from './fixture/app-today.ts'
import { createStory, failed } from '../../history/test/story.ts'
import { start, waybill } from './waybill.ts'

/* Everything that needs no server, asked of the real CLI as a process. */

let cwd: string
let slice: Slice
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'waybill-cli-'))
  slice = await deadDispatch()
  await writeFile(join(cwd, 'dead.waybill'), writeExport(sha256, slice, 0))
})
afterAll(() => rm(cwd, { recursive: true, force: true }))

/** `bill` of the shop, failing three times. */
async function deadDispatch(): Promise<Slice> {
  const story = createStory()
  const [bill] = app.definitions
  await story.deploy({ ...bill!, version: 1 })
  story.epoch()
  const event = await story.send({ type: 'order.placed', data: { id: 'bad1', total: 99 } })
  for (let attempt = 1; attempt <= 3; attempt++) {
    story.answer(failed())
    story.wait(10)
  }
  await story.commit()
  const [first] = story.ended()
  const taker = createSliceTaker(story.id, first!)
  for await (const bundle of walk(story)) taker.take(bundle)
  return { ...taker.slice()!, event }
}

test('usage errors are 2, on stderr, and say what was meant', async () => {
  const unknown = await waybill(['dispatch', 'sl'], { cwd })
  expect(unknown).toMatchObject({ code: 2, stdout: '' })
  expect(unknown.stderr).toContain('Did you mean ls?')
  expect(await waybill(['replay'], { cwd })).toMatchObject({ code: 2, stdout: '' })
  const choice = await waybill(['dispatch', 'ls', '-o', 'yaml'], { cwd })
  expect(choice.code).toBe(2)
  expect(choice.stderr).toContain('table, json, ndjson')
})

test('with nothing running every command that asks says so: 4, and what to do', async () => {
  const asked = await waybill(['dispatch', 'ls', '--json'], { cwd })
  expect(asked).toMatchObject({ code: 4, stdout: '' })
  expect(asked.stderr).toContain('WB4003')
  expect(asked.stderr).toContain('next:  start one with `npm start`')
  const named = await waybill(['verify', '--server', 'nats://127.0.0.1:1', '--timeout', '200ms'], {
    cwd,
  })
  expect(named.code).toBe(4)
  expect(named.stderr).toContain('WB4002')
  expect(named.stderr).not.toContain('    at ')
})

test('a service that cannot start ends like any other command', async () => {
  const nowhere = ['--server', 'nats://127.0.0.1:1']
  const env = { WAYBILL_NATS_CONNECT_WITHIN_MS: '100', WAYBILL_LOG_LEVEL: 'silent' }
  const unreachable = await waybill(['projector', '--instance', 'p', ...nowhere], { cwd, env })
  expect(unreachable).toMatchObject({ code: 4, stderr: expect.stringContaining('WB1111') })
  const wrong = await waybill(['ingress', '--instance', 'a b', ...nowhere], { cwd, env })
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('WB1101') })
})

test('help is data', async () => {
  const help = await waybill(['--help'], { cwd })
  expect(help).toMatchObject({ code: 0, stderr: '' })
  expect(help.stdout).toContain('dispatch')
})

test('an export replays with no server and no network', async () => {
  const { code, stdout, stderr } = await waybill(['replay', 'dead.waybill'], { cwd })
  expect(stderr).toContain('the same: 6 transitions')
  expect(code).toBe(0)
  expect(stdout).toContain('attempting → ☠ dlq')
  expect(stdout).not.toContain('\u001b')
})

test('JSON carries its version; colour only where it is wanted', async () => {
  const json = await waybill(['replay', 'dead.waybill', '--json'], { cwd })
  expect(JSON.parse(json.stdout)).toMatchObject({
    schemaVersion: 1,
    dispatch: slice.dispatch,
    diverged: 0,
    transitions: { length: 6 },
  })
  const coloured = await waybill(['replay', 'dead.waybill'], { cwd, env: { FORCE_COLOR: '1' } })
  expect(coloured.stdout).toContain('\u001b[31m☠ dlq')
  const plain = await waybill(['replay', 'dead.waybill', '--color', 'never'], {
    cwd,
    env: { FORCE_COLOR: '1' },
  })
  expect(plain.stdout).not.toContain('\u001b')
})

test('time travel shows what the dispatch was after a transition', async () => {
  const moment = await waybill(['replay', 'dead.waybill', '--at', '1', '--json'], { cwd })
  expect(JSON.parse(moment.stdout)).toMatchObject({
    transition: {
      index: 1,
      to: 'retryWait',
      record: { attempt: 1, error: { message: 'no luck' } },
    },
  })
  const beyond = await waybill(['replay', 'dead.waybill', '--at', '9'], { cwd })
  expect(beyond.code).toBe(3)
  expect(beyond.stderr).toContain('has no transition 9')
})

test('a flipped byte fails with its place', async () => {
  const bytes = Buffer.from(writeExport(sha256, slice, 0))
  const at = bytes.indexOf('no luck')
  bytes[at] = bytes[at]! ^ 1
  await writeFile(join(cwd, 'flipped.waybill'), bytes)
  const { code, stdout, stderr } = await waybill(['replay', 'flipped.waybill'], { cwd })
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toContain('WB4101 the export is damaged in entry 1 (transition 1)')
  const [, from, to] = /bytes (\d+) to (\d+)/.exec(stderr) ?? []
  expect(at).toBeGreaterThanOrEqual(Number(from))
  expect(at).toBeLessThanOrEqual(Number(to))
})

test('an edit that mends every hash is a divergence: 7, with the field', async () => {
  const last = slice.entries.at(-1)!
  const entry = decodeEntry(last.bytes)
  const facts = entry.facts.map((fact) => ({
    ...fact,
    record: { ...(fact as Transition).record, spent: 1 },
  }))
  const forged = {
    ...slice,
    entries: [...slice.entries.slice(0, -1), { ...last, bytes: encode({ ...entry, facts }) }],
  }
  await writeFile(join(cwd, 'forged.waybill'), writeExport(sha256, forged, 0))
  const { code, stderr } = await waybill(['replay', 'forged.waybill'], { cwd })
  expect(code).toBe(7)
  expect(stderr).toContain('facts[0].record.spent')
  expect(stderr).toContain('- recorded  1')
  expect(stderr).toContain('+ replayed  3')
})

test('an edit in the middle breaks the chain of entries', () => {
  const [first, second, ...rest] = slice.entries
  const entry = decodeEntry(second!.bytes)
  const edited = { ...second!, bytes: encode({ ...entry, at: entry.at + 1 }) }
  const bytes = writeExport(sha256, { ...slice, entries: [first!, edited, ...rest] }, 0)
  expect(() => readExport(sha256, 'x', bytes)).toThrow('WB4104')
  const other = { ...slice.event!, data: { id: 'good', total: 1 } }
  const swapped = writeExport(sha256, { ...slice, event: other }, 0)
  expect(() => readExport(sha256, 'x', swapped)).toThrow('WB4104')
})

test('what is no export is told apart from a damaged one', async () => {
  await writeFile(join(cwd, 'notes.txt'), 'buy milk, and then some more of it')
  const { code, stderr } = await waybill(['replay', 'notes.txt'], { cwd })
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('WB4102') })
  expect((await waybill(['replay', 'gone.waybill'], { cwd })).code).toBe(3)
})

const module = (name: string) => fileURLToPath(new URL(`fixture/${name}.ts`, import.meta.url))

test("today's definitions: no drift with the same, the first differing transition with others", async () => {
  expect(today.definitions).toMatchObject([{ id: 'bill', retry: { maxAttempts: 2 } }])
  const same = await waybill(['replay', 'dead.waybill', '--against', module('app')], { cwd })
  expect(same).toMatchObject({ code: 0, stdout: expect.stringContaining('no drift') })
  const args = ['replay', 'dead.waybill', '--against', module('app-today'), '--json']
  const other = await waybill(args, { cwd })
  expect(other.code).toBe(7)
  expect(JSON.parse(other.stdout)).toMatchObject({
    binding: 'bill',
    recorded: 'bill@v1',
    verdict: 'judged again',
    first: {
      transition: 3,
      recorded: 'attempting → retryWait',
      today: 'attempting → dlq',
      differences: expect.arrayContaining([
        { path: 'transition.record.state', recorded: 'retryWait', replayed: 'dlq' },
      ]),
    },
  })
})

test('a closed pipe is no error', async () => {
  const child = start(['replay', 'dead.waybill', '--json'], { cwd })
  child.stdout?.destroy()
  const stderr = text(child.stderr!)
  expect(await once(child, 'close')).toEqual([0, null])
  expect(await stderr).toBe('')
})

test('completion comes from the command tree', async () => {
  const { stdout } = await waybill(['completion', 'bash'], { cwd })
  const words = (line: string) =>
    new Promise<string>((resolve, reject) => {
      const script = `${stdout}\nCOMP_WORDS=(${line} '')\nCOMP_CWORD=$((\${#COMP_WORDS[@]} - 1))\n_waybill_complete\necho "\${COMPREPLY[@]}"`
      execFile('bash', ['-c', script], (error, out) => (error ? reject(error) : resolve(out)))
    })
  expect(await words('waybill')).toContain('dispatch')
  expect(await words('waybill dispatch')).toContain('history')
  expect(await words('waybill dispatch ls')).toContain('--state')
  expect((await waybill(['completion', 'ksh'], { cwd })).code).toBe(2)
  for (const shell of ['zsh', 'fish']) {
    expect((await waybill(['completion', shell], { cwd })).stdout).toContain('waybill')
  }
})
