import type { Fact, FlowSpec, Flow, LetterBody, Standing } from '../../src/index.ts'

/* One of every kind that limits, and what partitions write to each other about them, may hold. */

type Of<Union, Tag extends keyof Union> = {
  readonly [K in Union[Tag] & string]: Extract<Union, Record<Tag, K>>
}

export const id = `1-0-${'a'.repeat(32)}`
const ledger = 'label/concurrency/0123456789abcdef01234567'
const numbers = { used: 1, max: 2 }

const ticket = {
  dispatch: id,
  admission: 1,
  index: 0,
  app: 'triage',
  slot: 3,
  tenant: 'acme',
  rank: 2,
  order: [1, 0] as [number, number],
  bytes: 7,
}
const key = `${id}#1`

export const rules: Of<FlowSpec['limits'][number]['rule'], 'kind'> = {
  batch: { kind: 'batch', size: 3, timeoutMs: 1000, bytesMax: 4096 },
  debounce: { kind: 'debounce', periodMs: 1000, maxWaitMs: 5000 },
  rateLimit: { kind: 'rateLimit', max: 3, periodMs: 1000 },
  throttle: { kind: 'throttle', max: 3, periodMs: 1000 },
  singleton: { kind: 'singleton', mode: 'replace' },
  concurrency: { kind: 'concurrency', max: 3 },
  circuit: {
    kind: 'circuit',
    failures: 5,
    ratePercent: 50,
    rateMin: 10,
    windowMs: 60_000,
    openMs: 60_000,
    openMaxMs: 600_000,
    whenOpen: 'defer',
  },
}

const opening = { tenant: 'acme', key: 'a', rule: rules.concurrency, since: 1 }
export const place = { ledger, slot: 3, key: 'a', bytes: 7 }
export const member = { dispatch: id, order: [1, 0] as [number, number] }

export const flow: Flow = {
  admission: 1,
  held: [[0, 1]],
  asked: 1,
  letter: 4,
  since: 5,
  why: { gate: ledger, numbers },
  standsFor: 2,
  counted: true,
}

export const standings: Of<Standing, 'result'> = {
  open: { result: 'open', flow },
  waiting: { result: 'waiting', flow },
  refused: {
    result: 'refused',
    flow,
    gate: ledger,
    reason: 'rate_limited',
    numbers,
    by: id,
  },
  deferred: { result: 'deferred', flow, until: 9 },
}

const circuit = {
  state: 'open' as const,
  row: 1,
  outcomes: [[1, 2, 3]] as [number, number, number][],
  failedAt: 1,
  since: 2,
  until: 3,
  openMs: 4,
  turns: 5,
  passed: 6,
  probed: 7,
  failed: id,
  held: true,
  manual: { by: 'op', reason: 'why', at: 1 },
}
const view = { open: true, until: 3, held: true, failedAt: 1, failing: true }

type LedgerFact = Extract<Fact, { kind: `ledger.${string}` }>

export const ledgerFacts: Of<LedgerFact, 'kind'> = {
  'ledger.asked': {
    kind: 'ledger.asked',
    ledger,
    opening,
    ticket,
    answer: {
      result: 'waiting',
      numbers,
    },
  },
  'ledger.granted': { kind: 'ledger.granted', ledger, ticket: key, numbers, members: [key] },
  'ledger.evicted': {
    kind: 'ledger.evicted',
    ledger,
    ticket: key,
    reason: 'debounced',
    by: id,
    numbers,
  },
  'ledger.revoked': { kind: 'ledger.revoked', ledger, ticket: key, by: id },
  'ledger.left': { kind: 'ledger.left', ledger, ticket: key },
  'ledger.voided': { kind: 'ledger.voided', ledger, ticket: key },
  'ledger.told': {
    kind: 'ledger.told',
    ledger,
    opening,
    dispatch: id,
    ok: false,
    probe: true,
    circuit,
  },
  'ledger.switched': {
    kind: 'ledger.switched',
    ledger,
    tenant: 'acme',
    key: 'a',
    do: 'open',
    by: 'op',
    reason: 'why',
    circuit,
  },
  'ledger.viewed': { kind: 'ledger.viewed', ledger, view },
  'ledger.backlog': { kind: 'ledger.backlog', ledger },
  'ledger.settled': { kind: 'ledger.settled', ledger },
}

const hex = 'b'.repeat(64)
const ref = { stream: 'EVENTS_g1', seq: 1, index: 0, hash: hex }
const why = { by: 'op', reason: 'why' }
const asked = { dispatch: id, admission: 1, index: 0 }

export const bodies: Of<LetterBody, 'kind'> = {
  cancel: { kind: 'cancel', target: { kind: 'dispatch', dispatch: id }, ...why },
  redrive: {
    kind: 'redrive',
    dispatches: [id],
    version: 'same',
    ...why,
    event: {
      v: 1,
      id,
      type: 'issue.opened',
      source: 'github',
      tenant: 'acme',
      subject: 'issue/7',
      time: 0,
      receivedAt: 0,
      dedupeKey: 'k',
      partitionKey: 'p',
      traceparent: 't',
      chain: {
        root: id,
        depth: 0,
        path: [],
      },
      headers: {},
      digest: 'd'.repeat(32),
      signature: { state: 'unsigned' },
      data: { n: 1 },
    },
  },
  discard: { kind: 'discard', dispatches: [id], ...why },
  rerun: {
    kind: 'rerun',
    of: id,
    binding: 'label@v1',
    event: {
      id,
      tenant: 'acme',
    },
    ref,
    key: 'share',
    limits: [place],
    batch: [member],
    ...why,
  },
  circuit: {
    kind: 'circuit',
    ledger,
    home: 3,
    tenant: 'acme',
    key: 'a',
    do: 'open',
    ...why,
    forMs: 1e3,
  },
  reserve: { kind: 'reserve', ledger, opening, ticket },
  release: { kind: 'release', ledger, ticket: key, letter: 4 },
  granted: { kind: 'granted', ...asked, numbers, permit: true, members: [member] },
  waiting: { kind: 'waiting', ...asked, numbers },
  refused: { kind: 'refused', ...asked, reason: 'key_busy', numbers, by: id },
  deferred: { kind: 'deferred', ...asked, until: 9, numbers },
  revoke: { kind: 'revoke', ...asked, by: id },
  outcome: { kind: 'outcome', ledger, opening, dispatch: id, ok: true, probe: false },
  circuitState: { kind: 'circuitState', ledger, open: true, until: 9, held: true },
}
