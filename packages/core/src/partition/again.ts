import type { Manifest } from '../binding.ts'
import type { InputRef } from '../dispatch/record.ts'
import { dispatchIdOf } from '../id.ts'
import { labelIn, labelOf, type Place } from '../ledger/limit.ts'
import { hasRoom, start, type Draft } from './draft.ts'
import { limits as bounds } from './entry.ts'
import {
  redrivesPerLetterMax,
  type Declined,
  type LetterAnswer,
  type LetterBody,
} from './letter.ts'
import type { DeadLetter, Partition } from './state.ts'

/*
 * Running again what has ended: as a new dispatch, linked to the old one, which is never touched
 * (rules 11 and 14.4). Its id comes from the letter, so the same letter is the same dispatch.
 */

type Redrive = Extract<LetterBody, { kind: 'redrive' }>
type Rerun = Extract<LetterBody, { kind: 'rerun' }>
type Discard = Extract<LetterBody, { kind: 'discard' }>

type Redrivable = DeadLetter & { readonly origin: NonNullable<DeadLetter['origin']> }

export function redrive(draft: Draft, letter: string, body: Redrive, ref: InputRef): LetterAnswer {
  const started: { of: string; dispatch: string }[] = []
  const declined: Declined[] = []
  for (const id of new Set(body.dispatches)) {
    const dispatch = redriveOne(draft, letter, id, body, ref)
    if (typeof dispatch === 'string') started.push({ of: id, dispatch })
    else declined.push({ dispatch: id, ...dispatch })
  }
  return { kind: 'redriven', started, declined }
}

type Refusal = Pick<Declined, 'code' | 'reason'>

/** The id of the new dispatch, or why there is none. */
function redriveOne(
  draft: Draft,
  letter: string,
  id: string,
  { version, by, reason, event, dispatches }: Redrive,
  ref: InputRef,
): string | Refusal {
  const { partition } = draft
  const dead = findDead(partition, id)
  if ('code' in dead) return dead
  if (!hasRoom(draft, redrivesPerLetterMax)) return no('no_room', 'too many at once, ask again')
  if (event && (dispatches.length > 1 || dead.batch)) {
    return no('one_at_a_time', 'an edited event is for one dispatch, and for no batch')
  }
  const { origin, batch } = dead
  const under = versionFor(partition, dead, version)
  if ('code' in under) return under
  const { binding, places, ask } = under
  const as = newId(draft, binding, origin.event, origin.ref, letter + id)
  start(draft, {
    id: as,
    binding,
    event: { id: origin.event, tenant: origin.tenant },
    // An edited event lies where its letter lies.
    ref: event ? ref : origin.ref,
    key: origin.key,
    limits: places,
    loop: false,
    ask,
    again: {
      rerunOf: id,
      root: origin.root ?? id,
      redrives: (origin.redrives ?? 0) + 1,
    },
    members: batch,
  })
  draft.facts.push({ kind: 'dead.redriven', dispatch: id, as, by, reason })
  return as
}

/** The version that it runs under, and the places of its limits there. */
function versionFor(
  partition: Partition,
  { origin, limits }: Redrivable,
  version: Redrive['version'],
): Under | Refusal {
  const binding = manifestFor(partition, origin.binding, version)
  return binding
    ? placed(binding, limits)
    : no('binding_gone', `${origin.binding} has no active version`)
}

interface Under {
  readonly binding: Manifest
  readonly places: readonly Place[] | undefined
  /** It has limits whose places the one before did not have: only code can tell their keys. */
  readonly ask: boolean
}

function placed(binding: Manifest, limits: readonly Place[] | undefined): Under {
  const places = placesUnder(binding, limits)
  return { binding, places, ask: binding.flow !== undefined && !places }
}

function findDead(partition: Partition, id: string): Redrivable | Refusal {
  const dead = partition.dead.get(id)
  if (!dead) return no('not_found', `${id} is no dead letter here, or older than 30 d`)
  const { origin, as, discarded } = dead
  if (as !== undefined) return no('already_redriven', `${id} runs again as ${as}`)
  if (discarded === true) return no('discarded', `${id} was discarded`)
  if (!origin) return no('not_kept', `${id} died under a build that kept too little of it`)
  if ((origin.redrives ?? 0) >= bounds.redrivesMax) {
    return no('redrive_limit', `${id} was redriven ${bounds.redrivesMax} times`)
  }
  return { ...dead, origin }
}

export function rerun(draft: Draft, letter: string, body: Rerun): LetterAnswer {
  const { partition } = draft
  const { of, event, ref, key, limits, batch } = body
  const binding = partition.manifests.get(body.binding)
  if (!binding) return refused('binding_unknown', `${body.binding} was never deployed`)
  const { places, ask } = placed(binding, limits)
  const as = newId(draft, binding, event.id, ref, letter)
  const again = { rerunOf: of }
  const members = batch
  start(draft, {
    id: as,
    binding,
    event,
    ref,
    key,
    limits: places,
    loop: false,
    ask,
    again,
    members,
  })
  return { kind: 'redriven', started: [{ of, dispatch: as }], declined: [] }
}

export function discard(draft: Draft, { dispatches, by, reason }: Discard): LetterAnswer {
  const done: string[] = []
  const declined: Declined[] = []
  for (const dispatch of new Set(dispatches)) {
    const dead = findDead(draft.partition, dispatch)
    if ('code' in dead && dead.code !== 'redrive_limit' && dead.code !== 'not_kept') {
      declined.push({ dispatch, ...dead })
    } else {
      draft.facts.push({ kind: 'dead.discarded', dispatch, by, reason })
      done.push(dispatch)
    }
  }
  return { kind: 'discarded', dispatches: done, declined }
}

function newId(
  draft: Draft,
  binding: Manifest,
  event: string,
  ref: InputRef,
  again: string,
): string {
  const { hash, app } = draft.partition
  const place = `${ref.seq}/${ref.index}`
  return dispatchIdOf({ hash, app, binding: binding.id, event, place, rerun: again })
}

function manifestFor(
  { active, manifests }: Partition,
  key: string,
  version: Redrive['version'],
): Manifest | undefined {
  const wanted = version === 'same' ? key : active.get(key.slice(0, key.lastIndexOf('@')))
  return wanted === undefined ? undefined : manifests.get(wanted)
}

/** Ledgers of the same labels are the same ledgers, whatever the version that names them. */
function placesUnder(
  { id, flow }: Manifest,
  places: readonly Place[] = [],
): readonly Place[] | undefined {
  const found = flow?.limits.map((limit) =>
    places.find(({ ledger }) => labelIn(ledger) === labelOf(id, limit)),
  )
  return found?.every((place) => place !== undefined) ? found : undefined
}

const no = (code: string, reason: string): Refusal => ({ code, reason })
const refused = (code: string, reason: string): LetterAnswer => ({ kind: 'refused', code, reason })
