import { encode, type Effect as Asked, type Plain } from '@waybill/core'
import { bindingOf, matches } from '../app.ts'
import type { Effect } from '../effects.ts'
import type { History } from './check.ts'
import { transitionsOf, type Journal, type Recorded } from './journal.ts'
import type { Violate } from './violation.ts'

interface Place {
  readonly effect: Asked
  readonly seq: number
  readonly storedAt: number
}

/** What handlers and clients saw, against what the log says. */
export function checkEffects(
  history: History,
  journals: readonly Journal[],
  violate: Violate,
): void {
  // A power cut takes entries away whose effects were carried out: outside nothing is taken back.
  if (history.lost.length > 0) return
  const asked = new Map<string, Place>()
  const letters = new Map<string, Place>()
  for (const { entry, seq, storedAt } of journals.flatMap(({ entries }) => entries)) {
    for (const effect of entry.effects) {
      const place = { effect, seq, storedAt }
      if (effect.kind === 'runAttempt') asked.set(`${effect.dispatch}:${effect.attempt}`, place)
      // Asked again it is answered again, with the same words: the first entry allows them all.
      if (effect.kind === 'reply' && !letters.has(answer(effect)))
        letters.set(answer(effect), place)
    }
  }
  checkRuns(history.effects, asked, violate)
  checkReplies(history, letters, violate)
  checkSent(history.effects, violate)
  checkPredicates(history, violate)
  const runs = new Map(history.effects.map((run) => [`${run.dispatch}:${run.attempt}`, run]))
  for (const { entries } of journals) checkResults(entries, runs, violate)
}

function checkRuns(
  effects: readonly Effect[],
  asked: ReadonlyMap<string, Place>,
  violate: Violate,
): void {
  const begun = new Set<string>()
  for (const { dispatch, attempt, token, key, beganAt, process } of effects) {
    const which = `${dispatch}:${attempt}`
    if (begun.has(which)) violate('I4', `attempt ${which} runs a second time, on ${process}`)
    begun.add(which)
    const place = asked.get(which)
    if (!place) {
      violate('I5', `attempt ${which} runs on ${process}, and no entry asks for it`)
      continue
    }
    const expected = `${which}:${place.seq}`
    if (token !== expected) violate('I5', `token ${token}, should be ${expected}`)
    if (key !== dispatch) violate('I5', `attempt ${which} runs under the key ${key}`)
    if (beganAt < place.storedAt) {
      violate('I5', `attempt ${which} began at ${beganAt}, was asked for at ${place.storedAt}`)
    }
  }
}

/** A result is recorded after a handler brought it, and for the attempt that it was brought for. */
function checkResults(
  entries: readonly Recorded[],
  runs: ReadonlyMap<string, Effect>,
  violate: Violate,
): void {
  const attempts = new Map<string, number>()
  for (const { fact, storedAt } of transitionsOf(entries)) {
    const { dispatch, record, event } = fact
    const run = runs.get(`${dispatch}:${attempts.get(dispatch)}`)
    const returned = run?.how === 'returned' && (run.endedAt ?? Infinity) <= storedAt + 1
    if (event.type === 'attempt.succeeded' && !returned) {
      violate('I4', `${dispatch} succeeded, but no handler had returned`)
    }
    attempts.set(dispatch, record.attempt)
  }
}

/** An attempt that is run again sends the same events, not new ones. */
function checkSent(effects: readonly Effect[], violate: Violate): void {
  const sent = new Map<string, string>()
  for (const effect of effects) {
    for (const [ordinal, id] of effect.sent.entries()) {
      const which = `${effect.dispatch}:${ordinal}`
      const before = sent.get(which) ?? id
      if (before !== id)
        violate('I1', `event ${ordinal} of ${effect.dispatch}: ${id}, was ${before}`)
      sent.set(which, id)
    }
  }
}

/** What runs has matched, whoever answered for the predicate. */
function checkPredicates({ options, effects }: History, violate: Violate): void {
  for (const { binding, event, dispatch } of effects) {
    const own = bindingOf(options, binding)
    const matched = own?.when === 'always' || (own && matches(options.seed, own.id, event))
    if (!matched) violate('I1', `${dispatch} runs for ${event}, which ${binding} does not match`)
  }
}

function checkReplies(
  { replies }: History,
  letters: ReadonlyMap<string, Place>,
  violate: Violate,
): void {
  for (const { letter, body, at } of replies) {
    const place = letters.get(answer({ letter, body }))
    if (!place) violate('I13', `${letter} was answered, and no entry says so`)
    else if (at < place.storedAt) violate('I13', `${letter} was answered before the log had it`)
  }
}

/** Canonical: what was decoded has its keys in another order. */
const answer = ({ letter, body }: { letter: string; body?: unknown }): string =>
  `${letter}:${Buffer.from(encode(body as Plain)).toString('hex')}`
