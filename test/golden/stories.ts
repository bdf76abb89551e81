import {
  acceptEvent,
  bindingKey,
  candidates,
  encode,
  headOf,
  quarantineBytes,
  type EffectResult,
  type Input,
  type Manifest,
  type Verdict,
} from '@waybill/core'
import { encodeBatch, sha256, streamNames, subjects } from '@waybill/log'
import { binding, failed, names, succeeded, type Story } from '../../packages/history/test/story.ts'
import { circuitStories, gateStories } from './gates.ts'

/**
 * One life of a partition for each feature. A story that was released is never changed: its
 * history is in `history/`, and `make.ts` tells only those that have none yet.
 */
export const stories: Readonly<Record<string, (story: Story) => Promise<void>>> = {
  ...gateStories,
  ...circuitStories,

  async success(story) {
    await begin(story)
    await story.send()
    await story.commit()
    story.answer(succeeded)
  },

  async 'success-with-output'(story) {
    await begin(story)
    await story.send({ data: { text: 'no ⚙ today', bytes: Uint8Array.of(0, 255) } })
    const output = { ok: true, half: 0.5, list: [null, -1] }
    story.answer({ status: 'succeeded', output, sent: [], ms: 7 })
  },

  async 'paused-and-resumed'(story) {
    await begin(story)
    await story.order('resume', 'label')
    await story.order('pause', 'label')
    await story.send()
    await story.send({ type: 'push' })
    await story.send()
    await story.commit()
    await story.order('resume', 'label')
    await story.send()
    await story.commit()
    await story.catchUp()
    await story.send()
    for (let each = 1; each <= 4; each++) story.answer(succeeded)
  },

  async 'retry-then-success'(story) {
    await begin(story)
    await story.send()
    await story.commit()
    story.answer(failed())
    await story.commit()
    story.wait(1000)
    story.answer(succeeded)
  },

  async 'retry-exponential'(story) {
    await begin(story, {
      retry: {
        kind: 'exponential',
        baseMs: 500,
        factor: 2,
        capMs: 60_000,
        maxAttempts: 4,
        jitter: 'full',
      },
    })
    await story.send()
    for (const message of ['one', 'two', 'three']) {
      story.answer(failed(message))
      story.wait(60_000)
    }
    story.answer(succeeded)
  },

  async 'dead-letter-retry-exhausted'(story) {
    await begin(story)
    await story.send()
    for (const message of ['one', 'two', 'three']) {
      story.answer(failed(message))
      story.wait(1000)
    }
  },

  async 'rate-limited'(story) {
    await begin(story)
    await story.send()
    story.answer(error({ class: 'rate_limited', afterMs: 60_000 }))
    story.wait(60_000)
    story.answer(succeeded)
  },

  async 'dead-letter-permanent'(story) {
    await begin(story)
    await story.send()
    story.answer(error({ class: 'permanent' }))
  },

  async 'fail-permanent'(story) {
    await begin(story, { onPermanentError: 'fail' })
    await story.send()
    story.answer(error({ class: 'permanent' }))
  },

  async timeout(story) {
    await begin(story)
    await story.send()
    for (let day = 0; day < 6; day++) story.wait(24 * 3_600_000)
  },

  async 'takeover-then-alone'(story) {
    await begin(story)
    await story.send()
    await story.commit()
    story.epoch()
    story.wait(0)
    await story.commit()
    story.answer(succeeded, story.pending.at(-1))
    story.answer(succeeded)
  },

  async poison(story) {
    await begin(story, { retry: { kind: 'immediate', maxAttempts: 9, jitter: 'none' } })
    await story.send()
    story.epoch()
    story.wait(0)
    for (let lost = 0; lost < 3; lost++) {
      const alone = story.pending.at(-1)
      if (alone) story.answer({ status: 'killed', reason: 'SIGKILL' }, alone)
      story.wait(1000)
    }
  },

  async 'dead-letter-lost'(story) {
    await begin(story, { poisonMax: 2 })
    await story.send()
    for (let lost = 0; lost < 4; lost++) {
      story.epoch()
      story.wait(0)
    }
  },

  async 'killed-alone'(story) {
    await begin(story)
    await story.send()
    story.epoch()
    story.wait(0)
    story.answer({ status: 'killed', reason: 'SIGKILL' }, story.pending.at(-1))
    story.answer(succeeded, story.pending.at(-1))
  },

  async 'cancel-by-id'(story) {
    await begin(story)
    await story.send()
    const running = story.pending[0]
    if (running?.kind !== 'runAttempt') throw new Error('nothing runs')
    await story.cancel({ kind: 'dispatch', dispatch: running.dispatch })
    story.answer(succeeded, running)
    await story.cancel({ kind: 'dispatch', dispatch: running.dispatch })
    await letterTwice(story, running.dispatch)
  },

  async 'cancel-in-bulk'(story) {
    await begin(story)
    const event = await story.send()
    await story.send({ data: 'y' })
    await story.send({ data: 'z' })
    await story.cancel({ kind: 'event', event: event.id })
    story.wait(0)
    await story.cancel({ kind: 'filter', binding: 'label' })
    story.wait(0)
  },

  async 'predicate-matched'(story) {
    await begin(story)
    await story.send({ verdict: 'ask' })
    await story.commit()
    story.answer({ status: 'judged', matched: true, reason: 'it is one', ms: 1 })
    story.answer(succeeded)
  },

  async 'predicate-skipped'(story) {
    await begin(story)
    await story.send({ verdict: 'ask' })
    story.answer({ status: 'judged', matched: false, ms: 1 })
  },

  async 'predicate-failed'(story) {
    await begin(story)
    await story.send({ verdict: 'ask' })
    story.answer(failed('no answer'))
  },

  async 'predicate-timeout'(story) {
    await begin(story)
    await story.send({ verdict: 'ask' })
    story.wait(24 * 3_600_000)
  },

  async filtered(story) {
    await begin(story)
    await story.send({ verdict: 'filtered' })
  },

  async loop(story) {
    await begin(story)
    await submit(story, { depth: 17, verdict: 'unjudged' })
  },

  async 'version-wait'(story) {
    await begin(story)
    await story.send()
    story.answer({ status: 'unhosted' })
    await story.commit()
    story.epoch()
    story.wait(0)
    story.answer(succeeded)
  },

  async 'version-wait-expired'(story) {
    await begin(story)
    await story.send()
    story.answer({ status: 'unhosted' })
    story.wait(30 * 24 * 3_600_000)
  },

  async parked(story) {
    await begin(story)
    await story.send()
    story.answer({ status: 'parked' })
    story.wait(0)
    story.answer(succeeded)
  },

  async duplicate(story) {
    await begin(story)
    await submit(story, { key: 'same', data: 'x' })
    await submit(story, { key: 'same', data: 'x' })
    await submit(story, { key: 'same', data: 'y' })
    story.answer(succeeded)
  },

  async deploys(story) {
    await begin(story)
    await story.send()
    await story.deploy(binding({ version: 2, poisonMax: 5 }), binding({ id: 'audit', on: ['>'] }))
    await story.commit()
    await story.send({ type: 'issue.closed' })
    await ignoredDeploy(story)
    while (story.pending.length > 0) story.answer(succeeded)
  },

  async checkpoint(story) {
    await begin(story)
    await story.send()
    await story.commit()
    await story.checkpoint()
    story.answer(succeeded)
  },

  async 'quarantine-input'(story) {
    await begin(story)
    const bytes = Uint8Array.of(0xc1, 0, 255)
    const { events } = streamNames(names)
    const { seq } = await story.log.send(subjects(names).events(0), bytes)
    const ref = { stream: events, seq, index: 0, hash: sha256.bytes(bytes) }
    story.take(quarantineBytes(sha256, 'no event', bytes, ref))
    await story.send()
    story.answer(succeeded)
  },

  async 'quarantine-dispatch'(story) {
    await begin(story)
    await story.send()
    const running = story.pending[0]
    if (running?.kind !== 'runAttempt') throw new Error('nothing runs')
    const input = quarantineBytes(sha256, 'RangeError: too much', encode('what it was'))
    story.take({ ...input, dispatch: running.dispatch })
    story.answer(succeeded)
  },
}

async function begin(story: Story, over: Partial<Manifest> = {}): Promise<void> {
  await story.deploy(binding(over))
  story.epoch()
  await story.commit()
}

type Failed = Extract<EffectResult, { status: 'failed' }>
const error = (over: Partial<Failed['error']>): Failed => ({
  status: 'failed',
  error: { class: 'retryable', name: 'Error', message: 'no', ...over },
  sent: [],
  ms: 1,
})

interface Submission {
  readonly key?: string
  readonly data?: string
  readonly depth?: number
  readonly verdict?: Verdict['result']
}

/** As `story.send`, with what only some doors give: a key of its own, a long chain. */
async function submit(story: Story, submission: Submission): Promise<void> {
  const { key = 'one', data = 'x', depth = 0, verdict = 'matched' } = submission
  const type = 'issue.opened'
  const door = { hash: sha256, generation: 1, slots: 1, now: story.now }
  const draft = { type, source: 'test', data, dedupeKey: key }
  const { event } = acceptEvent(draft, door)
  const chained = depth === 0 ? event : { ...event, chain: { root: event.id, depth, path: [] } }
  const { events } = streamNames(names)
  const bytes = encodeBatch([encode(chained)])
  const { seq } = await story.log.send(subjects(names).events(0), bytes)
  const verdicts = candidates(story.partition, type).map((one) => ({
    binding: bindingKey(one),
    result: verdict,
  }))
  const ref = { stream: events, seq, index: 0, hash: sha256.bytes(bytes) }
  story.take({ kind: 'event', ref, head: headOf(chained), verdicts })
}

async function letterTwice(story: Story, dispatch: string): Promise<void> {
  const letter: Extract<Input, { kind: 'letter' }>['letter'] = {
    v: 1,
    id: 'twice',
    from: { kind: 'client', id: 'op' },
    body: { kind: 'cancel', target: { kind: 'dispatch', dispatch }, by: 'op', reason: 'again' },
    replyTo: '_INBOX.op',
  }
  const stream = `${streamNames(names).mail}.ask`
  const bytes = encodeBatch([encode(letter)])
  for (let sent = 0; sent < 2; sent++) {
    const { seq } = await story.log.send(subjects(names).mail('triage', 0, 'ask', 'op'), bytes)
    story.take({
      kind: 'letter',
      ref: { stream, seq, index: 0, hash: sha256.bytes(bytes) },
      letter,
    })
  }
}

/** A change that is not the next one. */
async function ignoredDeploy(story: Story): Promise<void> {
  const { defs, events } = streamNames(names)
  const change: Extract<Input, { kind: 'def' }>['change'] = {
    v: 1,
    kind: 'deploy',
    app: 'triage',
    number: 9,
    at: story.now,
    by: 'test',
    manifests: [],
    active: [],
    eventsFrom: { stream: events, seq: 0 },
  }
  const bytes = encode(change)
  const { seq } = await story.log.send(subjects(names).def('triage'), bytes)
  story.take({
    kind: 'def',
    ref: { stream: defs, seq, index: 0, hash: sha256.bytes(bytes) },
    change,
  })
}
