import {
  keyOf,
  sharedApp,
  type Flow,
  type Manifest,
  type PartitionId,
  type Place,
  type Ticket,
  type Transition,
} from '@waybill/core'
import type { Dispatches, KnownDispatch } from '../dispatches.ts'
import type { Complain } from '../finding.ts'
import type { Invariant, PartitionScope, Taken } from '../invariant.ts'
import { isMove } from '../ledgers/book.ts'
import { isThere } from '../ledgers/room.ts'

/** What a dispatch has of one limit: a permit, or a place in its queue. */
interface Claim {
  readonly dispatch: string
  readonly ledger: string
  readonly ticket: string
  /** `<app>/<slot>` of its ledger. */
  readonly home: string
}

export const permits: Invariant = {
  name: 'permits',
  law: 'I17',
  holds:
    'what a dispatch has of a limit and has no more is given back, once, on every way out, and ' +
    'nobody holds what its dispatch does not know of',
  of: 'partition',
  watch(scope) {
    const { id, dispatches, fromStart } = scope
    if (!fromStart) return {}
    const manifests = new Map<string, Manifest | undefined>()
    let lost: Claim[] = []
    return {
      transition({ fact, before, manifest }) {
        if (!manifest?.flow) return
        manifests.set(before?.binding ?? fact.origin?.binding ?? '', manifest)
        lost.push(...givenUp(fact, before, manifest, id.app))
      },
      fact(fact) {
        if (fact.kind !== 'dispatch.quarantined') return
        const known = dispatches.open.get(fact.dispatch)
        const manifest = manifests.get(known?.binding ?? '')
        if (!known?.places || !manifest) return
        const { flow } = known.last.record
        lost.push(...claimsOf(fact.dispatch, flow, known.places, manifest, id.app))
      },
      decided(taken, complain) {
        checkGivenBack(scope, lost, taken, complain)
        checkKnown(scope, taken, complain)
        checkReleased(scope, taken, complain)
        lost = []
      },
    }
  },
}

/** Answered by the ledger itself: who was answered has no place in that queue any more. */
const answers: ReadonlySet<string> = new Set([
  'gate.granted',
  'gate.refused',
  'circuit.answered',
  'dispatch.superseded',
])

function givenUp(
  fact: Transition,
  before: KnownDispatch | undefined,
  manifest: Manifest,
  app: string,
): Claim[] {
  const { dispatch, event, record } = fact
  const places = ('limits' in event ? event.limits : undefined) ?? before?.places
  if (!places) return []
  const all = claimsOf(dispatch, hadIn(fact, before), places, manifest, app)
  const kept = claimsOf(dispatch, record.flow, places, manifest, app).map(nameOf)
  const lost = new Map(all.map((claim) => [nameOf(claim), claim]))
  for (const name of kept) lost.delete(name)
  return [...lost.values()]
}

/** All that it had before, and what it was given on the way. */
function hadIn({ event }: Transition, before: KnownDispatch | undefined): Claiming {
  const taken = 'standing' in event ? event.standing?.flow : undefined
  const { held = [], asked, admission } = before?.last.record.flow ?? {}
  const all = { held: [...held, ...(taken?.held ?? [])] }
  return answers.has(event.type) ? all : { ...all, asked, admission }
}

type Claiming = { readonly [K in 'held' | 'asked' | 'admission']?: Flow[K] | undefined }

const nameOf = ({ ledger, ticket }: Pick<Claim, 'ledger' | 'ticket'>): string =>
  `${ledger} ${ticket}`

function claimsOf(
  dispatch: string,
  flow: Claiming | undefined,
  places: readonly Place[],
  { flow: limited }: Manifest,
  app: string,
): Claim[] {
  const { held = [], asked, admission } = flow ?? {}
  const all = asked === undefined || admission === undefined ? held : [...held, [asked, admission]]
  return all.flatMap(([index = 0, of = 0]) => {
    const place = places[index]
    const limit = limited?.limits[index]
    if (!place || !limit) return []
    const home = `${limit.scope === 'global' ? sharedApp : app}/${place.slot}`
    return [{ dispatch, ledger: place.ledger, ticket: keyOf({ dispatch, admission: of }), home }]
  })
}

/** In a ledger of this very partition it is gone; to another a letter goes that says so. */
function checkGivenBack(
  { id, books }: PartitionScope,
  lost: readonly Claim[],
  { entry: { facts } }: Taken,
  complain: Complain,
): void {
  const here = homeOf(id)
  const away = new Set(lost.filter(({ home }) => home !== here).map(nameOf))
  for (const { dispatch, ledger, ticket } of lost.filter(({ home }) => home === here)) {
    const book = books.ledgers.get(ledger)
    if (!book || !isThere(book, ticket)) continue
    complain('permit.back', `${ticket} is not given back to ${ledger}`, { dispatch })
  }
  for (const fact of facts) {
    if (fact.kind !== 'letter.queued' || fact.letter.body.kind !== 'release') continue
    const { body } = fact.letter
    if (away.delete(nameOf(body)) || mayRelease(facts, body.ticket)) continue
    complain('permit.once', `${body.ticket} is given back to ${body.ledger}, and is not due`)
  }
  for (const name of away) complain('permit.back', `${name} is not given back by letter`)
}

/** One that was turned away in another's favour may say once more that it leaves. */
const mayRelease = (facts: Taken['entry']['facts'], ticket: string): boolean =>
  facts.some(
    (fact) =>
      fact.kind === 'transition' &&
      fact.event.type === 'dispatch.superseded' &&
      ticket.startsWith(`${fact.dispatch}#`),
  )

const homeOf = ({ app, slot }: Pick<PartitionId, 'app' | 'slot'>): string => `${app}/${slot}`

/** Who was let in here knows of it. */
function checkKnown(
  { id, books, dispatches }: PartitionScope,
  { entry }: Taken,
  complain: Complain,
): void {
  for (const fact of entry.facts.filter(isMove)) {
    const key = typeof fact.ticket === 'string' ? fact.ticket : keyOf(fact.ticket)
    const ticket = books.ledgers.get(fact.ledger)?.holders.get(key)
    if (!ticket || homeOf(ticket) !== homeOf(id) || knowsOf(dispatches, ticket)) continue
    const { dispatch } = ticket
    complain('permit.known', `${key} holds ${fact.ledger} and does not know of it`, { dispatch })
  }
}

function knowsOf({ open }: Dispatches, { dispatch, admission, index }: Ticket): boolean {
  const held = open.get(dispatch)?.last.record.flow?.held ?? []
  return held.some(([one, of]) => one === index && of === admission)
}

/** A release that was taken leaves nothing behind. */
function checkReleased({ books }: PartitionScope, { entry }: Taken, complain: Complain): void {
  const { input, facts } = entry
  if (input.kind !== 'letter' || input.letter.body.kind !== 'release') return
  const { ledger, ticket } = input.letter.body
  const book = books.ledgers.get(ledger)
  const isTaken = facts.some(({ kind }) => kind === 'letter.taken')
  if (!isTaken || !book || !isThere(book, ticket)) return
  complain('permit.back', `${ticket} was given back to ${ledger}, and is there still`)
}
