import type { Entry } from '@waybill/core'
import * as real from '@waybill/log'
import { reach } from './reach.ts'

/** What a service takes from `@waybill/log`: the ports watched, the rest as it is. */
export * from '@waybill/log'

let draining = false
process.once('SIGTERM', () => {
  draining = true
})

export async function openJetStreamLog(options: real.JetStreamLogOptions): Promise<real.EventLog> {
  const log = await real.openJetStreamLog(options)
  return {
    hash: log.hash,
    messageBytesMax: log.messageBytesMax,
    send: watchSend(log),
    append: watchAppend(log),
    session: () => log.session(),
    last: (...of) => log.last(...of),
    get: (...of) => log.get(...of),
    read: (...of) => log.read(...of),
    follow: (...of) => log.follow(...of),
    info: (...of) => log.info(...of),
    purge: (...of) => log.purge(...of),
    subjects: (...of) => log.subjects(...of),
    [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
  }
}

function watchSend(log: real.EventLog): real.EventLog['send'] {
  return async (subject, bytes, signal) => {
    const what = whatIsSent(subject)
    if (what !== undefined) reach(`${what}-unstored`)
    const sent = await log.send(subject, bytes, signal)
    if (what !== undefined) reach(`${what}-stored`)
    return sent
  }
}

/** Undefined: a probe, or a record of what an operator did. */
function whatIsSent(subject: string): 'event' | 'letter' | undefined {
  if (subject.includes('.event.')) return 'event'
  return subject.includes('.mail.') ? 'letter' : undefined
}

const bundlePlaces = [
  ['epoch', isEpoch],
  ['attempt', asksForAttempt],
  ['result', isResult],
  ['checkpoint', isCheckpoint],
] as const

function watchAppend(log: real.EventLog): real.EventLog['append'] {
  let flying = 0
  return async (subject, bytes, expected, options) => {
    const entries = real.decodeBundle(log.hash, bytes).entries.map(real.decodeEntry)
    const of = bundlePlaces.filter(([, is]) => entries.some(is)).map(([name]) => name)
    for (const name of of) reach(`${name}-unwritten`)
    if (draining) reach('drain-unwritten')
    flying += 1
    if (flying > 1) reach('flush-begun')
    try {
      const outcome = await log.append(subject, bytes, expected, options)
      if (flying > 1) reach('flush-half')
      for (const name of of) reach(`${name}-written`)
      return outcome
    } finally {
      flying -= 1
    }
  }
}

function isEpoch({ input }: Entry): boolean {
  return input.kind === 'epoch' && input.epoch > 1
}

function asksForAttempt({ effects }: Entry): boolean {
  return effects.some(({ kind }) => kind === 'runAttempt')
}

function isResult({ input }: Entry): boolean {
  return input.kind === 'result' && input.result.status === 'succeeded'
}

function isCheckpoint({ facts }: Entry): boolean {
  return facts.some(({ kind }) => kind === 'checkpoint')
}

export function openLeases(options: real.JetStreamStoreOptions): real.JetStreamLeaseStore {
  const leases = real.openLeases(options)
  const held = new Set<string>()
  return {
    get: (key) => leases.get(key),
    async put(key, value, revision) {
      const put = await leases.put(key, value, revision)
      if (isSlot(key) && put !== undefined && !held.has(key)) {
        held.add(key)
        reach('leased')
      }
      return put
    },
    async remove(key, revision) {
      if (draining && isSlot(key)) reach('drain-unreleased')
      const removed = await leases.remove(key, revision)
      if (draining && isSlot(key)) reach('drain-half')
      held.delete(key)
      return removed
    },
    list: (prefix) => leases.list(prefix),
    watch: (prefix, signal) => leases.watch(prefix, signal),
    [Symbol.asyncDispose]: () => leases[Symbol.asyncDispose](),
  }
}

const isSlot = (key: string): boolean => key.startsWith('slot.')

export function openSnapshots(
  options: Parameters<typeof real.openSnapshots>[0],
): real.JetStreamSnapshotStore {
  const snapshots = real.openSnapshots(options)
  return {
    async put(name, bytes) {
      reach('snapshot-begun')
      await snapshots.put(name, bytes)
      reach('snapshot-half')
    },
    get: (name) => snapshots.get(name),
    list: (prefix) => snapshots.list(prefix),
    async remove(name) {
      await snapshots.remove(name)
      reach('snapshot-pruned')
    },
    [Symbol.asyncDispose]: () => snapshots[Symbol.asyncDispose](),
  }
}
