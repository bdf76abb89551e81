import type { AttemptError, Dispatch, EffectOf, Manifest } from '@waybill/core'
import type { AttemptFacts } from './attempt.ts'
import type { EventPlace } from './fetch.ts'
import { laneOf } from './lanes.ts'

/** Effects that run code of the app. */
export type Asking = 'runAttempt' | 'evaluatePredicate'

type OwnFacts = Omit<AttemptFacts, 'event' | 'batch' | 'seq' | 'startedAt'>

export function factsOf(dispatch: Dispatch, binding: Manifest, effect: EffectOf<Asking>): OwnFacts {
  const { id, origin, record } = dispatch
  return {
    dispatch: id,
    idempotencyKey: origin.root ?? id,
    sendsAs: sendsAs(dispatch),
    effect: effect.id,
    binding: binding.id,
    handler: effect.kind === 'runAttempt' ? binding.handler.kind : undefined,
    attempt: record.attempt,
    standsFor: record.flow?.standsFor ?? 1,
    deadline: deadlineOf(dispatch),
  }
}

function deadlineOf({ record: { timers, at } }: Dispatch): number {
  return timers.attempt ?? timers.predicate ?? at
}

/**
 * A redrive goes on with the line it is of, so what an earlier attempt sent is not sent twice; under
 * another event it may have something else to say.
 */
function sendsAs({ id, origin: { root, ref } }: Dispatch): string {
  const isEdited = laneOf(ref.stream) !== undefined
  return isEdited ? id : (root ?? id)
}

/** Of its own event, and of those that it stands for; its own is the first one. */
export function placesOf({ origin: { ref }, batch, id }: Dispatch): readonly EventPlace[] {
  const others = batch?.filter(({ dispatch }) => dispatch !== id) ?? []
  const { stream } = ref
  return [ref, ...others.map(({ order: [seq, index] }) => ({ stream, seq, index }))]
}

export function eventLost(event: string, place: EventPlace | undefined): AttemptError {
  const where = place ? `${place.stream} ${place.seq}/${place.index}` : 'its place'
  const message = `event ${event} is not whole: nothing of it at ${where} any more`
  return { class: 'permanent', name: 'EventLost', message, causeClass: 'unknown' }
}
