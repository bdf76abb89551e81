import fc from 'fast-check'
import { streamNames, subjects, type Stored } from '../src/index.ts'
import { bytes, take } from './conformance.ts'
import type { World } from './fixture/worlds.ts'

/** One call on an adapter; expectations and revisions are relative to what the run has seen. */
export type Command =
  | { kind: 'append'; slot: number; expected: 'right' | 'stale' | 'ahead'; byte: number }
  | { kind: 'again'; of: number }
  | { kind: 'send'; slot: number; byte: number; size: number }
  | { kind: 'last' | 'subjects'; slot: number }
  | { kind: 'info' }
  | { kind: 'get'; seq: number }
  | { kind: 'read'; slots: readonly number[]; fromSeq: number; toSeq: number | undefined }
  | { kind: 'purge'; slot: number; belowSeq: number }
  | { kind: 'follow'; slots: readonly number[]; from: number; grants: readonly Grant[] }
  | { kind: 'lease.put'; key: number; revision: 'right' | 'stale' | 'absent'; byte: number }
  | { kind: 'lease.remove'; key: number; revision: 'right' | 'stale' | 'absent' }
  | { kind: 'lease.get'; key: number }
  | { kind: 'lease.list' | 'lease.watch'; prefix: string }
  | { kind: 'snapshot.put'; name: number; byte: number; size: number }
  | { kind: 'snapshot.get' | 'snapshot.remove'; name: number }
  | { kind: 'snapshot.list'; prefix: string }

interface Grant {
  readonly messages: number
  readonly bytes: number
}

const slot = fc.nat(3)
const byte = fc.nat(3)
const seq = fc.nat(40)
const slots = fc.uniqueArray(slot, { maxLength: 3 })
const name = fc.nat(3)
const lease = fc.nat(4)
const grant = fc.record({ messages: fc.integer({ min: 0, max: 4 }), bytes: fc.nat(300) })
const revision = fc.constantFrom('right' as const, 'stale' as const, 'absent' as const)
const expected = fc.oneof(
  { weight: 4, arbitrary: fc.constant('right' as const) },
  { weight: 1, arbitrary: fc.constantFrom('stale' as const, 'ahead' as const) },
)
const is = <K extends string>(kind: K) => fc.constant(kind)
const prefix = fc.constantFrom('', 'slot', 'slot.1', 'member')

const writes = fc.oneof(
  fc.record({ kind: is('append'), slot, expected, byte }),
  fc.record({ kind: is('send'), slot, byte, size: fc.integer({ min: 1, max: 200 }) }),
)
const reads = fc.oneof(
  fc.record({ kind: is('last'), slot }),
  fc.record({ kind: is('subjects'), slot }),
  fc.record({ kind: is('info') }),
  fc.record({ kind: is('get'), seq }),
  fc.record({ kind: is('again'), of: fc.nat() }),
  fc.record({ kind: is('purge'), slot, belowSeq: seq }),
  fc.record({
    kind: is('read'),
    slots,
    fromSeq: fc.integer({ min: 1, max: 40 }),
    toSeq: fc.option(seq, { nil: undefined }),
  }),
  fc.record({
    kind: is('follow'),
    slots,
    from: seq,
    grants: fc.array(grant, { minLength: 1, maxLength: 4 }),
  }),
)
export const logCommands: fc.Arbitrary<Command[]> = fc.array(
  fc.oneof({ weight: 3, arbitrary: writes }, { weight: 2, arbitrary: reads }),
  { minLength: 1, maxLength: 40 },
)

const leaseCommand = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: is('lease.put'), key: lease, revision, byte }) },
  { weight: 3, arbitrary: fc.record({ kind: is('lease.remove'), key: lease, revision }) },
  { weight: 1, arbitrary: fc.record({ kind: is('lease.get'), key: lease }) },
  { weight: 1, arbitrary: fc.record({ kind: is('lease.list'), prefix }) },
  { weight: 2, arbitrary: fc.record({ kind: is('lease.watch'), prefix }) },
)
export const leaseCommands: fc.Arbitrary<Command[]> = fc.array(leaseCommand, {
  minLength: 1,
  maxLength: 60,
  size: 'max',
})

const size = fc.constantFrom(0, 1, 1, 700_000)
const snapshotCommand = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: is('snapshot.put'), name, byte, size }) },
  { weight: 2, arbitrary: fc.record({ kind: is('snapshot.get'), name }) },
  { weight: 1, arbitrary: fc.record({ kind: is('snapshot.remove'), name }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: is('snapshot.list'),
      prefix: fc.constantFrom('', 'app.1/', 'app.2/7/'),
    }),
  },
)
export const snapshotCommands: fc.Arbitrary<Command[]> = fc.array(snapshotCommand, {
  minLength: 1,
  maxLength: 30,
  size: 'max',
})

const leaseKeys = ['slot.1.app.0', 'slot.1.app.1', 'slot.10.app.0', 'member.app.a', 'slotless']
const snapshotNames = ['app.1/7/0', 'app.1/7/1', 'app.2/7/0', 'app.2/71/ü 0']

/** What the run has seen of a key: its revisions, oldest first. */
interface Seen {
  readonly appends: { subject: string; bytes: Uint8Array; expected: number }[]
  readonly revisions: Map<string, number[]>
}

/** Runs the commands one after the other and tells what each answered. */
export async function transcript(world: World, commands: readonly Command[]): Promise<unknown[]> {
  const seen: Seen = { appends: [], revisions: new Map() }
  const answers: unknown[] = []
  for (const command of commands) {
    const answer = await run(world, seen, command).catch((cause: unknown) => {
      const { name: fault, code } = cause as { name: string; code: unknown }
      return { fault, code }
    })
    answers.push([command, answer])
  }
  return answers
}

function run(world: World, seen: Seen, command: Command): Promise<unknown> {
  if (isLease(command)) return runLease(world, seen, command)
  if (isSnapshot(command)) return runSnapshot(world, command)
  return runLog(world, seen, command)
}

type LeaseCommand = Extract<Command, { kind: `lease.${string}` }>
type SnapshotCommand = Extract<Command, { kind: `snapshot.${string}` }>
type LogCommand = Exclude<Command, LeaseCommand | SnapshotCommand>
const isLease = (command: Command): command is LeaseCommand => command.kind.startsWith('lease.')
const isSnapshot = (command: Command): command is SnapshotCommand =>
  command.kind.startsWith('snapshot.')

async function runLog(world: World, seen: Seen, command: LogCommand): Promise<unknown> {
  const { log, topology } = world
  const stream = streamNames(topology).journal
  const to = (n: number) => subjects(topology).journal('app', n)
  switch (command.kind) {
    case 'append': {
      const subject = to(command.slot)
      const last = (await log.last(stream, subject))?.seq ?? 0
      const expectation = { right: last, stale: Math.max(0, last - 1), ahead: last + 2 }
      const append = {
        subject,
        bytes: bytes(command.byte),
        expected: expectation[command.expected],
      }
      seen.appends.push(append)
      return log.append(append.subject, append.bytes, append.expected)
    }
    case 'again': {
      const append = seen.appends[command.of % Math.max(1, seen.appends.length)]
      return append && log.append(append.subject, append.bytes, append.expected)
    }
    case 'send':
      return log.send(to(command.slot), new Uint8Array(command.size).fill(command.byte))
    case 'last':
      return shape(await log.last(stream, to(command.slot)))
    case 'subjects': {
      const filter = command.slot === 0 ? '>' : to(command.slot)
      return [...(await log.subjects(stream, filter))]
        .map(([, count]) => count)
        .sort((a, b) => a - b)
    }
    case 'info': {
      const { firstSeq, lastSeq, messages } = await log.info(stream)
      return { firstSeq, lastSeq, messages }
    }
    case 'get':
      return shape(await log.get(stream, command.seq))
    case 'purge':
      return log.purge(stream, to(command.slot), command.belowSeq)
    case 'read': {
      const { fromSeq, toSeq } = command
      const range = { stream, subjects: command.slots.map(to), fromSeq }
      const found = log.read(toSeq === undefined ? range : { ...range, toSeq })
      return (await Array.fromAsync(found)).map(shape)
    }
    case 'follow':
      return follow(world, stream, command.slots.map(to), command)
    default:
      return command satisfies never
  }
}

/** Grants one after the other; after each, takes what it must bring and no more. */
async function follow(
  { log }: World,
  stream: string,
  filter: readonly string[],
  { from, grants }: Extract<Command, { kind: 'follow' }>,
): Promise<unknown> {
  const { firstSeq, lastSeq } = await log.info(stream)
  // Mostly a position that exists; sometimes one beyond the end.
  const fromSeq = (from % (lastSeq + 3)) + 1
  const range = { stream, subjects: filter, fromSeq }
  const all = await Array.fromAsync(log.read(range))
  const stop = new AbortController()
  await using reader = log.follow(range, stop.signal)
  const next = take(reader)
  const held = await Array.fromAsync(log.read({ ...range, fromSeq: 1 }))
  if (fromSeq > lastSeq + 1 || (firstSeq > fromSeq && held.length > 0)) return await next()
  const account = { messages: 0, bytes: 0, taken: 0 }
  const delivered: unknown[] = []
  for (const more of grants) {
    reader.grant(more)
    account.messages += more.messages
    account.bytes += more.bytes
    for (const due of owed(all, account)) {
      const message = await next()
      delivered.push(shape(message))
      account.messages -= 1
      account.bytes -= due.bytes.length
      account.taken += 1
    }
  }
  const more = next().then(
    () => 'too much',
    (cause: Error) => cause.message,
  )
  await log.info(stream)
  stop.abort()
  return [...delivered, await more]
}

function* owed(
  all: readonly Stored[],
  account: { messages: number; bytes: number; taken: number },
): Generator<Stored> {
  while (account.messages > 0 && account.bytes > 0) {
    const message = all[account.taken]
    if (!message) return
    yield message
  }
}

async function runLease({ leases }: World, seen: Seen, command: LeaseCommand): Promise<unknown> {
  const keyOf = (n: number): string => leaseKeys[n] ?? 'slotless'
  const revisionOf = (key: string, which: 'right' | 'stale' | 'absent'): number => {
    const revisions = seen.revisions.get(key) ?? []
    if (which === 'absent') return 0
    return (which === 'right' ? revisions.at(-1) : revisions[0]) ?? 0
  }
  switch (command.kind) {
    case 'lease.put': {
      const key = keyOf(command.key)
      const put = await leases.put(key, bytes(command.byte), revisionOf(key, command.revision))
      if (put !== undefined) seen.revisions.set(key, [...(seen.revisions.get(key) ?? []), put])
      return put
    }
    case 'lease.remove': {
      const key = keyOf(command.key)
      return leases.remove(key, revisionOf(key, command.revision))
    }
    case 'lease.get':
      return leases.get(keyOf(command.key))
    case 'lease.list':
      return leases.list(command.prefix)
    case 'lease.watch': {
      const present = await leases.list(command.prefix)
      const stop = new AbortController()
      const found: unknown[] = []
      if (present.length === 0) return found
      for await (const change of leases.watch(command.prefix, stop.signal)) {
        found.push(change)
        if (found.length === present.length) stop.abort()
      }
      return found
    }
    default:
      return command satisfies never
  }
}

async function runSnapshot({ snapshots }: World, command: SnapshotCommand): Promise<unknown> {
  const nameOf = (n: number): string => snapshotNames[n] ?? ''
  switch (command.kind) {
    case 'snapshot.put': {
      const { name: n, byte: fill, size } = command
      return snapshots.put(nameOf(n), new Uint8Array(size).fill(fill))
    }
    case 'snapshot.get': {
      const found = await snapshots.get(nameOf(command.name))
      return found && { length: found.length, first: found[0], last: found.at(-1) }
    }
    case 'snapshot.remove':
      return snapshots.remove(nameOf(command.name))
    case 'snapshot.list':
      return snapshots.list(command.prefix)
    default:
      return command satisfies never
  }
}

/** A message without what differs between servers: its time and the prefix of its subject. */
function shape(message: Stored | undefined): unknown {
  if (!message) return undefined
  const { subject, seq: at, bytes: payload } = message
  return { slot: subject.split('.').at(-1), seq: at, bytes: [...payload] }
}
