import { decodeBundle, type Bundle } from './bundle.ts'
import { ChainBroken } from './fault.ts'
import type { EventLog, Stored } from './log.ts'

/** A bundle where it lies. */
export interface JournalBundle extends Bundle {
  readonly seq: number
  /** Server time at which it was stored, epoch ms. */
  readonly at: number
}

/** The bundle after which to begin; its hash is what the next one must name. */
export interface JournalPosition {
  readonly seq: number
  readonly number: number
  readonly hash: string
}

export interface JournalWalk {
  readonly log: Pick<EventLog, 'hash' | 'read'>
  readonly stream: string
  /** One partition's journal. */
  readonly subject: string
  /** Absent: from the first bundle kept, which retention may have left at any number. */
  readonly after?: JournalPosition | undefined
  readonly signal?: AbortSignal
}

/**
 * One partition's journal, in order, up to what was there when it was called. Each bundle names
 * the hash of the one before and counts on by one, so an edit, a hole, a reused sequence and a
 * second writer all show: as `ChainBroken`, before the bundle is handed out. Sequences only rise,
 * with gaps: a stream is shared by many partitions.
 */
export async function* walk(options: JournalWalk): AsyncGenerator<JournalBundle, void> {
  const { log, stream, subject, after, signal } = options
  const range = { stream, subjects: [subject], fromSeq: (after?.seq ?? 0) + 1 }
  let previous = after
  for await (const message of log.read(range, signal)) {
    const bundle = bundleOf(log, message)
    const { number } = bundle.header
    const why = misplaced(subject, bundle) ?? breakOf(previous, bundle)
    if (why !== undefined) throw new ChainBroken({ subject, seq: message.seq, number, why })
    previous = { seq: bundle.seq, number, hash: bundle.hash }
    yield bundle
  }
}

/** The newest bundle, from the leader. Its place in the chain is not checked. */
export async function tail(
  log: Pick<EventLog, 'hash' | 'last'>,
  stream: string,
  subject: string,
): Promise<JournalBundle | undefined> {
  const message = await log.last(stream, subject)
  return message && bundleOf(log, message)
}

function bundleOf({ hash }: Pick<EventLog, 'hash'>, message: Stored): JournalBundle {
  const { subject, seq, at, bytes } = message
  try {
    return { ...decodeBundle(hash, bytes), seq, at }
  } catch (cause) {
    const why = 'these bytes are no bundle'
    throw new ChainBroken({ subject, seq, number: undefined, why }, { cause })
  }
}

function misplaced(subject: string, { header }: JournalBundle): string | undefined {
  const { generation, app, slot } = header
  if (subject.endsWith(`.journal.${generation}.${app}.${slot}`)) return undefined
  return `it is a bundle of ${app}, slot ${slot}, generation ${generation}`
}

function breakOf(previous: JournalPosition | undefined, bundle: JournalBundle): string | undefined {
  if (previous === undefined) return breakAtStart(bundle)
  const { header, seq } = bundle
  if (seq <= previous.seq) return `its sequence does not rise above ${previous.seq}`
  if (header.number !== previous.number + 1) return `bundle ${previous.number + 1} was to come`
  if (header.prev !== previous.hash) return `it does not name the hash of bundle ${previous.number}`
  return undefined
}

function breakAtStart({ header }: JournalBundle): string | undefined {
  const isFirst = header.number === 1
  if (isFirst && header.prev !== undefined) return 'the first bundle names one before it'
  if (!isFirst && header.prev === undefined) return 'it names no bundle before it'
  return undefined
}
