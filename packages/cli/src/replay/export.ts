import {
  acceptEvent,
  decode,
  encode,
  headOf,
  manifest,
  waybillEvent,
  type Entry,
  type Hash,
  type Plain,
  type WaybillEvent,
} from '@waybill/core'
import { decodeEntry } from '@waybill/log'
import { z } from 'zod'
import { CliError } from '../error.ts'
import { exit } from '../exit.ts'
import { pack, unpack, type Section } from './container.ts'
import type { Slice, SliceEntry } from './slice.ts'

const EXPORT_VERSION = 1

const count = z.int().nonnegative()

const about = z.strictObject({
  v: z.literal(EXPORT_VERSION),
  kind: z.literal('dispatch'),
  dispatch: z.string(),
  app: z.string(),
  generation: z.int().positive(),
  slot: count,
  rules: z.int().positive(),
  exportedAt: count,
  entries: z.array(
    z.strictObject({
      role: z.enum(['move', 'epoch', 'bulk']),
      seq: z.int().positive(),
      bundle: z.int().positive(),
      index: count,
    }),
  ),
})

const seed = z.strictObject({
  at: count,
  started: count,
  definitions: count,
  manifests: z.array(manifest),
  epoch: z.strictObject({
    number: count,
    instance: z.string(),
    incarnation: z.string(),
    barren: count,
    hosts: z.array(z.string()),
  }),
  streams: z.record(z.string(), z.string()),
  owed: z.record(z.string(), z.string()).optional(),
})

/** One file that holds a dispatch's whole story; `readExport` reads it anywhere, offline. */
export function writeExport(hash: Hash, slice: Slice, exportedAt: number): Uint8Array {
  const { id, dispatch, rules, entries, event } = slice
  const places = entries.map(({ role, seq, bundle, index }) => ({ role, seq, bundle, index }))
  const header = {
    v: EXPORT_VERSION,
    kind: 'dispatch',
    dispatch,
    ...id,
    rules,
    exportedAt,
    entries: places,
  }
  const sections: Section[] = [
    { name: 'about', bytes: encode(header, large) },
    { name: 'seed', bytes: encode({ ...slice.seed, manifests: [...slice.seed.manifests] }, large) },
    ...entries.map(({ bytes }, at) => ({ name: nameOf(entries, at), bytes })),
    ...(event ? [{ name: 'event', bytes: encode(event, large) }] : []),
  ]
  return pack(hash, sections)
}

/** The event may be 1 MiB and hosts may list thousands; both were checked when they came in. */
const large = { bytesMax: 16 * 1024 * 1024, nodesMax: 10_000_000, keysMax: 10_000_000 }

/** A name that tells a person where they are: `entry 4 (transition 2)`. */
function nameOf(entries: readonly SliceEntry[], at: number): string {
  const role = entries[at]?.role
  if (role !== 'move') return `entry ${at} (${role})`
  const transition = entries.slice(0, at).filter((entry) => entry.role === 'move').length
  return `entry ${at} (transition ${transition})`
}

/**
 * Reads an export and proves that it hangs together: every byte by its hash, every transition by
 * the hash of the entry before it, the event by its own digest.
 *
 * @throws CliError WB4101, WB4102 (damaged, no export), WB4104 (parts that do not belong together)
 */
export function readExport(hash: Hash, file: string, bytes: Uint8Array): Slice {
  const sections = unpack(hash, file, bytes)
  const find = (name: string): Uint8Array | undefined =>
    sections.find((section) => section.name === name)?.bytes
  const header = parsed(file, 'about', about, find('about'))
  const slice: Slice = {
    id: { app: header.app, generation: header.generation, slot: header.slot },
    dispatch: header.dispatch,
    rules: header.rules,
    seed: parsed(file, 'seed', seed, find('seed')),
    entries: header.entries.map((place, at) => ({ ...place, bytes: entryBytes(at) })),
  }
  const payload = find('event')
  checkChain(file, hash, slice)
  if (!payload) return slice
  const event = parsed(file, 'event', waybillEvent, payload)
  checkEvent(file, hash, slice, event)
  return { ...slice, event }

  function entryBytes(at: number): Uint8Array {
    const found = sections.find(({ name }) => name.startsWith(`entry ${at} `))?.bytes
    if (!found) throw unfit(file, `entry ${at}`, 'it is listed, but not there')
    return found
  }
}

function parsed<T>(
  file: string,
  name: string,
  schema: z.ZodType<T>,
  bytes: Uint8Array | undefined,
): T {
  if (!bytes) throw unfit(file, name, 'it is not there')
  const found = schema.safeParse(plainOf(file, name, bytes))
  if (found.success) return found.data
  const issue = found.error.issues[0]
  throw unfit(
    file,
    name,
    `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not as it should be'}`,
  )
}

/** Whoever forges a file may have the hashes right, and bytes that say nothing. */
function plainOf(file: string, name: string, bytes: Uint8Array): Plain {
  try {
    return decode(bytes, large)
  } catch (cause) {
    throw unfit(file, name, 'its bytes cannot be read', cause)
  }
}

/** Each transition names the hash of the entry with the one before it. */
function checkChain(file: string, hash: Hash, { dispatch, entries }: Slice): void {
  let head: string | undefined
  for (const [at, { role, bytes }] of entries.entries()) {
    const entry = decoded(file, at, bytes)
    if (role !== 'move') continue
    const link = entry.facts.find((fact) => 'dispatch' in fact && fact.dispatch === dispatch)
    if (!link) throw unfit(file, `entry ${at}`, `it does not move ${dispatch}`)
    if (link.kind === 'transition' && link.prev !== head) {
      throw unfit(
        file,
        `entry ${at}`,
        `transition ${link.index} names ${link.prev ?? 'nothing'} as the entry before it, which is ${head ?? 'none'}`,
      )
    }
    head = hash.bytes(bytes)
  }
}

function decoded(file: string, at: number, bytes: Uint8Array): Entry {
  try {
    return decodeEntry(bytes)
  } catch (cause) {
    throw unfit(file, `entry ${at}`, 'its bytes are no entry', cause)
  }
}

/** The event is the one that the dispatch was started by: same id by what the id is made of. */
function checkEvent(file: string, hash: Hash, slice: Slice, event: WaybillEvent): void {
  const first = slice.entries.find(({ role }) => role === 'move')
  if (!first) throw unfit(file, 'event', 'no entry takes an event in')
  const { input, facts } = decodeEntry(first.bytes)
  const { type, source, data } = event
  const door = { hash, generation: slice.id.generation, slots: slice.id.slot + 1, now: event.time }
  const remade = acceptEvent({ type, source, data }, door)
  if (remade.event.digest !== event.digest) {
    throw unfit(file, 'event', 'its data are not what its digest says')
  }
  // A command that runs something again names the event, it does not bring it.
  const isIt =
    'head' in input
      ? Buffer.compare(encode(headOf(event)), encode(input.head)) === 0
      : facts.some((fact) => fact.kind === 'transition' && fact.origin?.event === event.id)
  if (!isIt) throw unfit(file, 'event', `it is not the event that started ${slice.dispatch}`)
}

const unfit = (file: string, section: string, why: string, cause?: unknown): CliError =>
  new CliError(
    {
      code: 'WB4104',
      what: `the export does not hang together in ${section}`,
      where: file,
      why,
      next: 'export it again',
      exitCode: exit.failed,
    },
    { cause },
  )
