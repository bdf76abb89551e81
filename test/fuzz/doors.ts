import { readFile } from 'node:fs/promises'
import { endpointNames, endpoints, fromJson } from '@waybill/api'
import { CliError, readExport } from '@waybill/cli'
import {
  acceptEvent,
  attemptError,
  CodecError,
  createPartition,
  decode,
  defChange,
  encode,
  equalBytes,
  eventDraft,
  input,
  isToken,
  letter,
  normaliseThrown,
  parseEffectId,
  parseId,
  PermanentError,
  quarantineBytes,
  step,
  token,
  typeMatches,
  waybillEvent,
  type Input,
} from '@waybill/core'
import { dispatcherConfig } from '@waybill/dispatcher'
import { ingressConfig } from '@waybill/ingress'
import {
  decodeBatch,
  decodeBundle,
  decodeEntry,
  encodeBatch,
  encodeBundle,
  sha256,
  walk,
} from '@waybill/log'
import { projectorConfig } from '@waybill/projector'
import { ConfigError, parseConfig } from '@waybill/service'
import { z } from 'zod'
import { pack, unpack } from '../../packages/cli/src/replay/container.ts'
import { CelProblem } from '../../packages/sdk/src/cel/limits.ts'
import { checkCel, compileCel } from '../../packages/sdk/src/cel/program.ts'
import { dyn } from '../../packages/sdk/src/cel/shape.ts'
import { checkResult } from '../../packages/sdk/src/result.ts'
import { exportsOf, historyNames, journalOf } from '../golden/history.ts'
import type { Chance } from './chance.ts'
import { expressionPieces, expressions, texts } from './corpus.ts'
import { must, never, verdictOf, type Door, type Verdict } from './door.ts'
import { flow } from './flow.ts'
import { http } from './http.ts'
import { anyBytes, anyValue, hostile, mutated, mutatedBytes, mutatedText } from './mutate.ts'

/** What was recorded is what inputs begin from, so that they get far inside. */
const names = await historyNames()
const journals = await Promise.all(names.map(journalOf))
const bundles = journals.flat()
const messages = bundles.map(({ header, entries }) => encodeBundle(header, entries))
const entries = bundles.flatMap((bundle) => bundle.entries)
const inputs = entries.map((bytes) => decodeEntry(bytes).input)
const letters = inputs.flatMap((one) => (one.kind === 'letter' ? [one.letter] : []))
const changes = inputs.flatMap((one) => (one.kind === 'def' ? [one.change] : []))
const files = await Promise.all(
  (await Promise.all(names.map(exportsOf))).flat().map((file) => readFile(file)),
)
const draft = { type: 'issue.opened', source: 'test', data: { x: 1, list: ['a'] }, dedupeKey: 'k' }
const acceptance = { hash: sha256, generation: 1, slots: 4, now: 1_767_225_600_000 }
const { event } = acceptEvent(draft, acceptance)

const configs = [
  ['ingress', ingressConfig],
  ['dispatcher', dispatcherConfig],
  ['projector', projectorConfig],
] as const

const isCodec = (thrown: unknown): boolean => thrown instanceof CodecError
const isShape = (thrown: unknown): boolean => isCodec(thrown) || thrown instanceof z.ZodError

/** Every door that can be reached in this process. A new one needs a line here. */
export const doors: Readonly<Record<string, Door>> = {
  codec: ofBytes([...entries, ...messages], isCodec, (bytes) => {
    const limits = { bytesMax: 8 * 1024 * 1024 }
    must(equalBytes(encode(decode(bytes, limits), limits), bytes), 'what is read is canonical')
  }),
  encode: ofValue(anyOr([event, draft]), isCodec, (value) => {
    const bytes = encode(value)
    must(equalBytes(encode(decode(bytes)), bytes), 'what is written can be read')
  }),
  draft: ofValue(anyOr([draft]), isShape, (value) => {
    acceptEvent(eventDraft.parse(decode(encode(value))), acceptance)
  }),
  event: ofValue(anyOr([event]), isShape, (value) => waybillEvent.parse(decode(encode(value)))),
  letter: ofValue(anyOr(letters), isShape, (value) => letter.parse(decode(encode(value)))),
  definition: ofValue(anyOr(changes), isShape, (value) => defChange.parse(decode(encode(value)))),
  input: { prepare: prepareInput, isTyped: isShape },
  quarantine: { prepare: prepareQuarantine, isTyped: never },
  entry: ofBytes(entries, isShape, decodeEntry),
  bundle: ofBytes(messages, isShape, (bytes) => decodeBundle(sha256, bytes)),
  batch: ofBytes([encodeBatch(messages.slice(0, 3))], isShape, decodeBatch),
  journal: { prepare: prepareJournal, isTyped: (thrown) => nameOf(thrown) === 'ChainBroken' },
  export: { prepare: prepareExport, isTyped: (thrown) => thrown instanceof CliError },
  cel: { prepare: prepareExpression, isTyped: (thrown) => thrown instanceof CelProblem },
  flow,
  name: { prepare: prepareName, isTyped: never },
  config: { prepare: prepareConfig, isTyped: (thrown) => thrown instanceof ConfigError },
  api: {
    prepare: prepareRequest,
    isTyped: (thrown) => thrown instanceof SyntaxError || thrown instanceof z.ZodError,
  },
  'handler-result': ofValue(anyOr([{ ok: true }]), isPermanent, checkResult),
  'handler-throw': ofValue(anyThrown, never, (thrown) => {
    encode(attemptError.parse(normaliseThrown(thrown)))
  }),
  http,
}

function ofBytes(
  from: readonly Uint8Array[],
  isTyped: Door['isTyped'],
  take: (bytes: Uint8Array) => unknown,
): Door {
  const make = (chance: Chance): Uint8Array =>
    chance.oneIn(5) ? anyBytes(chance, 64) : mutatedBytes(chance, chance.pick(from))
  return ofValue(make, isTyped, take)
}

function ofValue<T>(
  make: (chance: Chance) => T,
  isTyped: Door['isTyped'],
  take: (value: T) => unknown,
): Door {
  return {
    isTyped,
    prepare(chance) {
      const value = make(chance)
      return () => {
        take(value)
        return 'accepted'
      }
    },
  }
}

function anyOr(from: readonly unknown[]): (chance: Chance) => unknown {
  return (chance) => (chance.oneIn(4) ? anyValue(chance) : mutated(chance, chance.pick(from)))
}

/** A host hands in what its schema passed; whatever that is, the partition goes on. */
function prepareInput(chance: Chance): () => Verdict {
  const journal = chance.pick(journals)
  const taken = journal.flatMap((bundle) => bundle.entries).map((bytes) => decodeEntry(bytes))
  const upTo = chance.int(taken.length)
  const partition = createPartition({ app: 'triage', generation: 1, slot: 0 }, sha256)
  for (const one of taken.slice(0, upTo)) step(partition, one.input, one.at)
  const value = mutated(chance, taken[upTo]?.input)
  return () => {
    const parsed: Input = input.parse(decode(encode(value)))
    if ('ref' in parsed && parsed.ref && isBehind(parsed.ref.seq)) return 'refused'
    const { entry } = step(partition, parsed, taken[upTo]?.at ?? 0)
    if (entry.input.kind !== 'quarantined') return 'accepted'
    const { hash, reason } = entry.input
    must(hash.length === 64 && reason.length > 0, 'what is put aside has a hash and a reason')
    return 'refused'
  }
  /** The reader never hands in what was taken; `step` calls it the host's mistake. */
  function isBehind(seq: number): boolean {
    return [...partition.positions.values()].some((position) => seq <= position.seq)
  }
}

function prepareQuarantine(chance: Chance): () => Verdict {
  const unfit = mutatedBytes(chance, chance.pick(messages))
  return () => {
    const { hash, bytes, reason } = quarantineBytes(sha256, 'x'.repeat(9999), unfit)
    must(hash === sha256.bytes(unfit) && reason.length > 0, 'it has a reason and its hash')
    must(equalBytes(bytes, unfit.subarray(0, 65_536)), 'it has its bytes')
    return 'refused'
  }
}

function prepareJournal(chance: Chance): () => Promise<Verdict> {
  const subject = 'wb.journal.1.triage.0'
  const journal = chance.pick(journals)
  const stored = journal.map(({ header, entries: own }, at) => ({
    stream: 'J',
    subject,
    seq: at + 1,
    at: 0,
    bytes: encodeBundle(header, own),
  }))
  const at = chance.int(stored.length)
  const [found] = stored.slice(at, at + 1)
  if (found && !chance.oneIn(10))
    stored[at] = { ...found, bytes: mutatedBytes(chance, found.bytes) }
  async function* read() {
    yield* stored
  }
  return async () => {
    const log = { hash: sha256, read }
    for await (const bundle of walk({ log, stream: 'J', subject })) must(bundle.seq > 0, 'seq')
    return 'accepted'
  }
}

/** Half of them are damaged, half made again by somebody who has the hashes right. */
function prepareExport(chance: Chance): () => Verdict {
  const file = chance.pick(files)
  const bytes = chance.oneIn(2) ? mutatedBytes(chance, file) : forged()
  return () => {
    readExport(sha256, 'x.waybill', bytes)
    return 'accepted'
  }
  function forged(): Uint8Array {
    const sections = [...unpack(sha256, 'x.waybill', file)]
    const at = chance.int(sections.length)
    const section = sections[at]
    if (section) sections[at] = { ...section, bytes: mutatedBytes(chance, section.bytes) }
    return pack(sha256, sections)
  }
}

function prepareExpression(chance: Chance): () => Verdict {
  let text = chance.oneIn(10) ? chance.pick(texts) : chance.pick(expressions)
  for (let left = chance.int(3); left > 0; left--) {
    text = mutatedText(chance, text, expressionPieces)
  }
  return () => {
    const program = compileCel(text)
    program.evaluate(event)
    program.falseClause(event)
    checkCel(text, dyn, ['bool'])
    return 'accepted'
  }
}

function prepareName(chance: Chance): () => Verdict {
  const text = chance.oneIn(2) ? chance.pick(texts) : mutatedText(chance, event.id)
  const pattern = mutatedText(chance, 'issue.*')
  return () => {
    typeMatches(pattern, text)
    parseEffectId(text)
    must(token.safeParse(text).success === isToken(text), 'a token is a token')
    must(!isToken(text) || !/[.*>\s]/.test(text), 'a token is one part of a subject')
    return verdictOf(isToken(text) || parseId(text) !== undefined)
  }
}

function prepareConfig(chance: Chance): () => Verdict {
  const [service, schema] = chance.pick(configs)
  const env: Record<string, string> = {}
  for (let left = 1 + chance.int(3); left > 0; left--) {
    const field = chance.pick(Object.keys(schema.shape))
    const name = `WAYBILL_${field.replaceAll(/[A-Z]/g, (upper) => `_${upper}`).toUpperCase()}`
    env[name] = chance.pick([...texts, '1', '8080', 'true', '{}', '[]', '{"__proto__":{"x":1}}'])
  }
  return () => {
    parseConfig<z.ZodObject>(schema, env, { service })
    return 'accepted'
  }
}

function prepareRequest(chance: Chance): () => Verdict {
  const { request } = endpoints[chance.pick(endpointNames)]
  const fields = { id: event.id, app: 'triage', limit: 10, by: 'op', reason: 'x', state: 'dlq' }
  const some = Object.entries(fields).filter(() => chance.oneIn(4))
  const value = mutated(chance, Object.fromEntries(some))
  let json = '{'
  try {
    json = JSON.stringify(value) ?? ''
  } catch {
    // Not JSON: then the brace alone is.
  }
  const text = chance.oneIn(3) ? mutatedText(chance, json) : json
  return () => {
    request.parse(fromJson(text))
    return 'accepted'
  }
}

function isPermanent(thrown: unknown): boolean {
  return thrown instanceof PermanentError
}

function anyThrown(chance: Chance): unknown {
  if (chance.oneIn(3)) return anyValue(chance)
  if (chance.oneIn(5)) return new Proxy(new Error('x'), hostile)
  const error = new Error(chance.pick(texts))
  return Object.assign(error, {
    code: anyValue(chance, 1),
    path: anyValue(chance, 1),
    status: anyValue(chance, 1),
    afterMs: anyValue(chance, 1),
    cause: error,
  })
}

const nameOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.name : '')
