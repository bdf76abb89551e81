import type { KeyedLimit, LetterBody, Rule } from '@waybill/core'
import { binding, failed, succeeded, type Story } from '../../packages/history/test/story.ts'

/** What dispatches share, as lives of a partition. See `stories.ts`: none is ever changed. */

const cel = { kind: 'cel', text: 'event.data.key' } as const

const limit = (rule: Rule, over: Partial<KeyedLimit> = {}): KeyedLimit => ({
  name: rule.kind,
  scope: 'binding',
  rule,
  ...over,
})

async function gated(
  story: Story,
  limits: readonly KeyedLimit[],
  holdWhileRetrying = false,
): Promise<void> {
  await story.deploy(binding({ flow: { limits: [...limits], holdWhileRetrying } }))
  story.epoch()
  await story.commit()
}

const one = { kind: 'concurrency', max: 1 } as const
const other = 'triage/1'

/** The last dispatch that began, and its first question. */
const asked = (story: Story) => {
  const dispatch = [...story.partition.dispatches.keys()].at(-1) ?? ''
  return { dispatch, admission: 1, index: 0 }
}

const ticket = (story: Story, nth: number) => ({
  dispatch: `1-1-${String(nth).repeat(32)}`,
  admission: 1,
  index: 0,
  app: 'triage',
  slot: 1,
  tenant: 'default',
  rank: 2,
  order: [story.partition.started + nth, 0] as [number, number],
})

const opening = (rule: Rule) => ({ rule, since: 1 })

export const gateStories: Readonly<Record<string, (story: Story) => Promise<void>>> = {
  async 'gate-concurrency'(story) {
    await gated(story, [limit(one)])
    for (let each = 1; each <= 3; each++) await story.send()
    await story.commit()
    story.answer(failed())
    story.answer(succeeded)
    await story.commit()
    story.wait(1000)
    story.answer(succeeded)
    story.answer(succeeded)
  },

  async 'gate-key-queue-holding'(story) {
    await gated(story, [limit(one, { name: 'key', key: cel }), limit({ ...one, max: 2 })], true)
    await story.send({ key: 'a' })
    await story.send({ key: 'a' })
    await story.send({ key: 'b' })
    story.answer(failed())
    story.answer(succeeded)
    story.wait(1000)
    story.answer(succeeded)
    story.answer(succeeded)
  },

  async 'gate-rate-limit'(story) {
    await gated(story, [limit({ kind: 'rateLimit', max: 1, periodMs: 1000 })])
    await story.send()
    await story.send()
    story.wait(1000)
    await story.send()
    story.answer(succeeded)
    story.answer(succeeded)
  },

  async 'gate-throttle'(story) {
    await gated(story, [limit({ kind: 'throttle', max: 1, periodMs: 1000 })])
    await story.send()
    await story.send()
    story.answer(succeeded)
    story.wait(1000)
    story.answer(succeeded)
  },

  async 'gate-singleton-replace'(story) {
    await gated(story, [limit({ kind: 'singleton', mode: 'replace' })])
    for (let each = 1; each <= 3; each++) {
      await story.send()
      story.wait(1)
    }
    await story.commit()
    for (const effect of [...story.pending].slice(-1)) story.answer(succeeded, effect)
  },

  async 'gate-singleton-skip'(story) {
    await gated(story, [limit({ kind: 'singleton', mode: 'skip' })])
    await story.send()
    await story.send()
    story.answer(succeeded)
  },

  async 'gate-debounce'(story) {
    const rule = { kind: 'debounce', periodMs: 1000, maxWaitMs: 5000 } as const
    await gated(story, [limit(rule, { key: cel })])
    for (let each = 1; each <= 3; each++) {
      await story.send()
      story.wait(500)
    }
    story.wait(1000)
    story.answer(succeeded)
  },

  async 'gate-batch'(story) {
    await gated(story, [limit({ kind: 'batch', size: 3, timeoutMs: 1000 })])
    for (let each = 1; each <= 4; each++) await story.send()
    story.wait(0)
    story.answer(succeeded)
    story.wait(1000)
    story.answer(succeeded)
  },

  async 'gate-elsewhere'(story) {
    await gated(story, [limit(one, { scope: 'app' })])
    for (let each = 1; each <= 3; each++) await story.send({ slot: 1 })
    story.posted()
    const [first = '', second = '', third = ''] = [...story.partition.dispatches.keys()]
    const answer = { admission: 1, index: 0 }
    const numbers = { used: 1, max: 1 }
    const say = (body: LetterBody) => story.letter(body, other, 'answer')
    await say({ kind: 'granted', dispatch: first, ...answer, numbers, permit: true })
    await say({ kind: 'waiting', dispatch: second, ...answer, numbers: { ...numbers, ahead: 0 } })
    await story.commit()
    await story.cancel({ kind: 'dispatch', dispatch: third })
    story.answer(succeeded)
    story.posted()
    await say({ kind: 'granted', dispatch: second, ...answer, numbers, permit: true })
    story.epoch()
    story.wait(0)
    story.answer(succeeded, story.pending.at(-1))
  },

  async 'gate-of-others'(story) {
    await gated(story, [limit(one)])
    const ledger = 'label/concurrency'
    const [first, second, third] = [1, 2, 3].map((nth) => ticket(story, nth))
    if (!first || !second || !third) throw new Error('no tickets')
    const ask = (who: typeof first) =>
      story.letter({ kind: 'reserve', ledger, opening: opening(one), ticket: who }, other)
    await ask(first)
    await ask(second)
    const release = (nth: typeof first, letter?: number): LetterBody => ({
      kind: 'release',
      ledger,
      ticket: `${nth.dispatch}#1`,
      ...(letter !== undefined && { letter }),
    })
    // One that overtakes the letter that asks.
    await story.letter(release(third, 3), other, 'answer')
    await ask(third)
    await story.letter(release(first), other, 'answer')
    story.posted()
    await story.letter(release(second), other, 'answer')
    story.posted()
  },

  async 'gate-letter-quarantined'(story) {
    await gated(story, [limit(one)])
    const { dispatch } = asked(story)
    const target = { kind: 'dispatch', dispatch: dispatch || `1-0-${'0'.repeat(32)}` } as const
    await story.letter({ kind: 'cancel', target, by: 'us', reason: 'why' }, other, 'answer')
    await story.letter(
      { kind: 'release', ledger: 'label/concurrency', ticket: `1-1-${'1'.repeat(32)}#1` },
      other,
      'answer',
    )
  },

  async 'gate-limit-changed'(story) {
    await gated(story, [limit(one)])
    for (let each = 1; each <= 4; each++) await story.send()
    await story.limit('label/concurrency', { max: 3 })
    story.wait(0)
    await story.limit('label/concurrency', null)
    await story.limit('label/nothing', { max: 3 })
    for (let each = 1; each <= 4; each++) story.answer(succeeded)
  },

  async 'dead-letter-redriven'(story) {
    await story.deploy(binding({ retry: { kind: 'immediate', maxAttempts: 1, jitter: 'none' } }))
    story.epoch()
    await story.send()
    await story.send()
    story.answer(failed())
    story.answer(failed())
    const [first = '', second = ''] = story.ended()
    const why = { by: 'op', reason: 'mended' }
    await story.letter({ kind: 'redrive', dispatches: [first], version: 'active', ...why })
    await story.letter({ kind: 'redrive', dispatches: [first], version: 'active', ...why })
    await story.letter({ kind: 'discard', dispatches: [second], ...why })
    story.answer(succeeded)
  },

  async rerun(story) {
    await story.deploy(binding())
    story.epoch()
    await story.send()
    const { id, origin } = [...story.partition.dispatches.values()][0] ?? {}
    story.answer(succeeded)
    if (id === undefined || !origin) throw new Error('nothing began')
    const { binding: key, ref, event, tenant } = origin
    const about = { of: id, binding: key, ref, event: { id: event, tenant } }
    await story.letter({ kind: 'rerun', ...about, by: 'op', reason: 'again' })
    story.answer(succeeded)
  },
}

const breaker: Rule = {
  kind: 'circuit',
  failures: 2,
  ratePercent: 50,
  rateMin: 10,
  windowMs: 60_000,
  openMs: 1000,
  openMaxMs: 8000,
  whenOpen: 'defer',
}

const admissionOf = ({ partition }: Story, dispatch: string): number =>
  partition.dispatches.get(dispatch)?.record.flow?.admission ?? 1

function ledgerOf({ partition }: Story): string {
  const [first] = partition.dispatches.values()
  return first?.limits?.[0]?.ledger ?? ''
}

export const circuitStories: Readonly<Record<string, (story: Story) => Promise<void>>> = {
  async circuit(story) {
    await gated(story, [limit(breaker, { scope: 'app', key: cel })])
    for (let each = 1; each <= 2; each++) await story.send({ key: 'bank' })
    story.answer(failed())
    story.answer(failed())
    await story.send({ key: 'bank' })
    await story.commit()
    for (let second = 1; second <= 8; second++) {
      story.wait(1000)
      while (story.pending.length > 0) story.answer(succeeded)
    }
  },

  async 'circuit-by-hand'(story) {
    await gated(story, [limit(breaker, { scope: 'app', key: cel })])
    await story.send({ key: 'bank' })
    const ledger = ledgerOf(story)
    story.answer(succeeded)
    const by = { by: 'op', reason: 'maintenance' }
    const about = { ledger, home: 0, tenant: 'default', key: 'bank' }
    await story.letter({ kind: 'circuit', ...about, do: 'open', ...by }, undefined, 'answer')
    await story.send({ key: 'bank' })
    await story.letter({ kind: 'circuit', ...about, do: 'close', ...by }, undefined, 'answer')
    for (let second = 1; second <= 8; second++) {
      story.wait(60_000)
      while (story.pending.length > 0) story.answer(succeeded)
    }
  },

  async 'circuit-closed-wakes'(story) {
    await gated(story, [limit(breaker, { scope: 'app', key: cel })])
    await story.send({ key: 'bank' })
    const ledger = ledgerOf(story)
    story.answer(succeeded)
    const by = { by: 'op', reason: 'maintenance' }
    const about = { ledger, home: 0, tenant: 'default', key: 'bank', ...by }
    await story.letter({ kind: 'circuit', ...about, do: 'open' }, undefined, 'answer')
    for (let n = 0; n < 3; n++) await story.send({ key: 'bank' })
    await story.letter({ kind: 'circuit', ...about, do: 'close', wake: true }, undefined, 'answer')
    for (let second = 0; second <= 2; second++) {
      story.wait(second * 1000)
      while (story.pending.length > 0) story.answer(succeeded)
    }
  },

  async 'circuit-elsewhere'(story) {
    await gated(story, [limit(breaker, { scope: 'app', key: cel })])
    await story.send({ key: 'bank', slot: 1 })
    story.answer(failed())
    story.posted()
    const ledger = ledgerOf(story)
    const until = story.now + 1000
    await story.letter({ kind: 'circuitState', ledger, open: true, until }, other, 'answer')
    story.wait(1000)
    story.posted()
    const { dispatch } = asked(story)
    const question = { dispatch, admission: admissionOf(story, dispatch), index: 0 }
    await story.letter(
      { kind: 'deferred', ...question, until: story.now + 500, numbers: { failures: 2 } },
      other,
      'answer',
    )
    story.wait(500)
    story.posted()
    const again = admissionOf(story, dispatch)
    await story.letter(
      { kind: 'granted', ...question, admission: again, numbers: { probe: 1 }, permit: true },
      other,
      'answer',
    )
    story.answer(succeeded)
    story.posted()
    await story.letter({ kind: 'circuitState', ledger, open: false, until: 0 }, other, 'answer')
  },
}
