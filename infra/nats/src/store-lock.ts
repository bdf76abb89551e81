import { randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { NatsServerError } from './error.ts'
import { identify, isAlive, machineId, type ProcessIdentity } from './process-identity.ts'

/** Two servers on one store both start and corrupt it: nats-server takes no lock, so this does. */
export interface StoreLock extends AsyncDisposable {
  /** From here on the lock also holds while this process lives, whatever becomes of its owner. */
  guard(server: ProcessIdentity): Promise<void>
  release(): Promise<void>
}

interface Holder {
  readonly id: string
  readonly machine: string
  readonly owner: ProcessIdentity
  readonly server?: ProcessIdentity
}

const limits = {
  /** How often a holder shows that it lives; only looked at from another machine or container. */
  heartbeatMs: 5_000,
  foreignStaleMs: 20_000,
  /** A server whose owner died is being ended by its watchdog, which may take this long. */
  dyingMs: 10_000,
  pollMs: 50,
  mutexStaleMs: 5_000,
}

export async function lockStore(dir: string): Promise<StoreLock> {
  const file = join(dir, 'lock.json')
  const me: Holder = { id: randomUUID(), machine: await machineId(), owner: await self() }
  await acquire(file, me)
  const heartbeat = setInterval(() => void beat(file), limits.heartbeatMs).unref()
  const release = async () => {
    clearInterval(heartbeat)
    const holder = await read(file)
    if (holder?.id === me.id) await rm(file, { force: true })
  }
  return {
    guard: (server) => put(file, { ...me, server }),
    release,
    [Symbol.asyncDispose]: release,
  }
}

/**
 * Every look-then-take happens under a mutex that is held for milliseconds: without it, two
 * processes that both find a stale lock could each remove the other's fresh one.
 */
async function acquire(file: string, me: Holder): Promise<void> {
  const since = Date.now()
  for (;;) {
    const verdict = await withMutex(file, me, async () => {
      const holder = await read(file)
      const found = holder ? await judge(file, holder, me) : 'free'
      if (found === 'free') await put(file, me)
      return { found, holder }
    })
    if (verdict.found === 'free') return
    const waited = Date.now() - since
    if (verdict.found === 'held' || waited > patienceMs[verdict.found]) throw locked(file, verdict)
    await delay(limits.pollMs)
  }
}

type Judgement = 'free' | 'held' | 'dying' | 'foreign'

const patienceMs = {
  dying: limits.dyingMs,
  // Longer than a dead holder looks alive: whoever still beats after this is not dead.
  foreign: limits.foreignStaleMs + 1_000,
}

async function judge(file: string, holder: Holder, me: Holder): Promise<Judgement> {
  if (holder.machine !== me.machine) {
    return (await ageMs(file)) > limits.foreignStaleMs ? 'free' : 'foreign'
  }
  if (await isAlive(holder.owner)) return 'held'
  return holder.server && (await isAlive(holder.server)) ? 'dying' : 'free'
}

async function withMutex<T>(file: string, me: Holder, work: () => Promise<T>): Promise<T> {
  const mutex = `${file}.mutex`
  const mine = `${file}.${me.id}`
  try {
    // Written anew each time: the age of the mutex counts from when it was taken.
    for (await writeFile(mine, ''); !(await tryLink(mine, mutex)); await writeFile(mine, '')) {
      if ((await ageMs(mutex)) > limits.mutexStaleMs) await rm(mutex, { force: true })
      await delay(limits.pollMs * Math.random())
    }
    try {
      return await work()
    } finally {
      await rm(mutex, { force: true })
    }
  } finally {
    await rm(mine, { force: true })
  }
}

/** The lock appears whole or not at all, so nobody reads half a holder. */
async function put(file: string, holder: Holder): Promise<void> {
  const fresh = `${file}.${holder.id}.new`
  await writeFile(fresh, `${JSON.stringify(holder, undefined, 2)}\n`)
  await rename(fresh, file)
}

async function read(file: string): Promise<Holder | undefined> {
  const text = await readFile(file, 'utf8').catch(ifMissing)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as Holder // we are its only writer, and it is written whole
  } catch {
    return undefined // a disk that lost the content in a power cut; its writer is gone too
  }
}

async function tryLink(from: string, to: string): Promise<boolean> {
  return link(from, to).then(
    () => true,
    (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'EEXIST') return false
      throw cause
    },
  )
}

async function ageMs(file: string): Promise<number> {
  const found = await stat(file).catch(ifMissing)
  return found ? Date.now() - found.mtimeMs : 0
}

async function beat(file: string): Promise<void> {
  const now = new Date()
  await utimes(file, now, now).catch(() => undefined) // the directory may be gone; stop() says so
}

function ifMissing(cause: NodeJS.ErrnoException): undefined {
  if (cause.code !== 'ENOENT') throw cause
}

async function self(): Promise<ProcessIdentity> {
  return (await identify(process.pid)) ?? { pid: process.pid, startedAt: 'unknown' }
}

function locked(file: string, verdict: { found: Judgement; holder?: Holder | undefined }): Error {
  const { owner, server, machine } = verdict.holder ?? {}
  const why = {
    free: '',
    held: `process ${owner?.pid} holds it`,
    dying: `process ${owner?.pid} is gone but its server, process ${server?.pid}, still runs`,
    foreign: `a process on another machine or in another container holds it (${machine})`,
  }[verdict.found]
  const next = {
    free: '',
    held: `stop process ${owner?.pid}, or choose another directory`,
    dying: `end process ${server?.pid}, then start again`,
    foreign: 'stop that one, or choose another directory',
  }[verdict.found]
  return new NatsServerError({
    code: 'nats.store-locked',
    what: 'the store of the embedded nats-server is in use',
    where: file,
    why,
    next,
  })
}
