import {
  candidates,
  decode,
  defChange,
  headOf,
  holdsBack,
  letter,
  mustQuarantine,
  quarantineBytes,
  waybillEvent,
  type Holder,
  type Input,
  type InputRef,
  type Letter,
  type Manifest,
  type Partition,
  type Verdict,
  type WaybillEvent,
} from '@waybill/core'
import type { LaneName } from './lanes.ts'
import { placesFor, type Door } from './placing.ts'

/** What one item of a message is to its partition, with the whole event where it is one. */
export interface Taken {
  readonly input: Input
  readonly event?: WaybillEvent
}

/**
 * The door at which inputs come in: decoded and checked here, trusted from here on. What is not
 * what it should be goes in as quarantined, so nothing is skipped in silence.
 */
export function takeItem(
  partition: Partition,
  door: Door,
  lane: LaneName,
  ref: InputRef,
  bytes: Uint8Array,
): Taken {
  if (lane !== 'defs' && mustQuarantine(partition)) {
    const { barren } = partition.epoch
    const aside = quarantineBytes(partition.hash, `${barren} epochs ended here`, bytes, ref)
    return { input: lane === 'events' ? aside : { ...aside, letter: letterIn(bytes) } }
  }
  try {
    return read(partition, door, lane, ref, bytes)
  } catch (cause) {
    const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : 'cannot be read'
    return { input: quarantineBytes(partition.hash, reason, bytes, ref) }
  }
}

/** An event that a pause held back, and where it lies. */
export interface HeldItem {
  readonly place: InputRef
  readonly bytes: Uint8Array
  readonly event: WaybillEvent
}

/** The same door for an event that was read before: what it is now to those that are owed it. */
export function takeHeld(
  partition: Partition,
  door: Door,
  { place, bytes, event }: HeldItem,
  holders: readonly Holder[],
): Input {
  const quarantined = (reason: string): Input => {
    const bindings = holders.map(({ binding }) => binding.id)
    const held = { place, bindings, bytes: bytes.length }
    return { ...quarantineBytes(partition.hash, reason, bytes), held }
  }
  if (mustQuarantine(partition)) return quarantined(`${partition.epoch.barren} epochs ended here`)
  try {
    const verdicts = holders.map(({ binding, wanted }) =>
      wanted ? judgeOne(door, binding, event, bytes.length) : unwanted(binding, event),
    )
    return { kind: 'held', place, head: headOf(event), verdicts, bytes: bytes.length }
  } catch (cause) {
    return quarantined(cause instanceof Error ? `${cause.name}: ${cause.message}` : 'no verdict')
  }
}

const unwanted = ({ id, version, on }: Manifest, { type }: WaybillEvent): Verdict => ({
  binding: `${id}@v${version}`,
  result: 'filtered',
  reason: `it is on ${on.join(', ')} by now, the event is ${type}`.slice(0, 1024),
})

function read(
  partition: Partition,
  door: Door,
  lane: LaneName,
  ref: InputRef,
  bytes: Uint8Array,
): Taken {
  switch (lane) {
    case 'events': {
      const event = readEvent(partition, bytes)
      const verdicts = judge(partition, door, event, bytes.length)
      const isHeld = verdicts.some(({ result }) => result === 'paused')
      const input = { kind: 'event', ref, head: headOf(event), verdicts } as const
      return { event, input: isHeld ? { ...input, bytes: bytes.length } : input }
    }
    case 'ask':
    case 'answer':
      return { input: { kind: 'letter', ref, letter: letter.parse(decode(bytes)) } }
    case 'defs':
      return { input: { kind: 'def', ref, change: defChange.parse(decode(bytes)) } }
    default:
      return lane satisfies never
  }
}

/** Of another partition: those after it are numbered on, and who sent it waits for an answer. */
function letterIn(bytes: Uint8Array): Letter | undefined {
  try {
    const found = letter.safeParse(decode(bytes))
    return found.success && found.data.from.kind === 'partition' ? found.data : undefined
  } catch {
    return undefined
  }
}

export function readEvent({ generation, slot }: Partition, bytes: Uint8Array): WaybillEvent {
  const event = waybillEvent.parse(decode(bytes))
  if (!event.id.startsWith(`${generation}-${slot}-`)) {
    throw new Error(`${event.id} does not belong in slot ${slot} of generation ${generation}`)
  }
  return event
}

function judge(partition: Partition, door: Door, event: WaybillEvent, bytes: number): Verdict[] {
  return candidates(partition, event.type).map((binding) =>
    holdsBack(partition, binding.id)
      ? { binding: `${binding.id}@v${binding.version}`, result: 'paused' }
      : judgeOne(door, binding, event, bytes),
  )
}

function judgeOne(door: Door, binding: Manifest, event: WaybillEvent, bytes: number): Verdict {
  const key = `${binding.id}@v${binding.version}`
  // A chain that is too deep is decided before anything else (rule 1.5).
  if (event.chain.depth > binding.maxChainDepth) return { binding: key, result: 'unjudged' }
  // Nobody here can tell; the dispatch waits for an instance that can.
  const hosted = door.app.hosts(binding.hash)
  if (binding.when?.kind === 'function' && !hosted) return { binding: key, result: 'ask' }
  return placed(door, binding, event, bytes, door.app.verdict(binding, event))
}

/** Keys are told with the verdict, by the same rules: one that cannot be told is no match. */
function placed(
  door: Door,
  binding: Manifest,
  event: WaybillEvent,
  bytes: number,
  verdict: Verdict,
): Verdict {
  if (!binding.flow || (verdict.result !== 'matched' && verdict.result !== 'ask')) return verdict
  const places = placesFor(door, binding, event, bytes)
  if (!places) return { ...verdict, result: 'ask' }
  if (!places.ok) return { ...verdict, result: 'error', reason: `key: ${places.reason}` }
  return { ...verdict, limits: places.limits }
}
