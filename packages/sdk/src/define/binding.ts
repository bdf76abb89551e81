import {
  definitionHash,
  isToken,
  manifest,
  MANIFEST_VERSION,
  type Definition,
  type HandlerSpec,
} from '@waybill/core'
import { sha256 } from '@waybill/log'
import { codeHash } from '../code-hash.ts'
import type { EventDefinition } from '../event.ts'
import type { InputPath } from '../input.ts'
import { withCircuit } from './circuit.ts'
import { createIssues, quote, type Issues } from './error.ts'
import { flowOf } from './flow.ts'
import { inputsOf } from './input.ts'
import type { KeyFunction } from './limit.ts'
import { keyOf, whenOf } from './predicate.ts'
import { retryOf } from './retry.ts'
import { checkNames } from './settings.ts'
import { timeoutsOf } from './timeouts.ts'
import { triggersOf } from './trigger.ts'

export interface BindingParts {
  readonly id: string
  readonly definition: Definition
  readonly events: readonly EventDefinition[]
  readonly inputs: ReadonlyMap<string, InputPath>
  /** The function that each limit's key is, in the manifest's order. */
  readonly keys: readonly (KeyFunction | undefined)[]
}

/** Settings the manifest's own schema judges: any value goes in, a wrong one comes out as an issue. */
const defaults = { priority: 'normal', onPermanentError: 'dlq', maxChainDepth: 16 } as const

const names = Object.keys(defaults).concat([
  'id',
  'on',
  'when',
  'key',
  'flow',
  'circuit',
  'input',
  'retry',
  'timeouts',
  'isolate',
  'handler',
])

/**
 * Everything that can be wrong, in one pass: all that TypeScript would have said, for users of
 * JavaScript, and what only running can tell (CEL, durations, settings that exclude each other).
 *
 * @throws DefinitionError
 */
export function checkBinding(spec: object): BindingParts {
  const given: Readonly<Record<string, unknown>> = { ...spec }
  const issues = createIssues()
  checkNames('', given, names, issues)
  const id = idOf(given['id'], issues)
  const { on, events, data } = triggersOf(given['on'], issues)
  const inputs = inputsOf(given['input'], data, issues)
  const when = whenOf(given['when'], data, issues)
  const key = keyOf('key', given['key'], data, issues)
  const timeouts = timeoutsOf(given['timeouts'], given['when'], issues)
  const around = { data, timeouts, key: { given: given['key'], checked: key } }
  const limited = flowOf(given['flow'], around, issues)
  const { flow, keys } = withCircuit(limited, given['circuit'], data, issues)
  const settings = Object.entries(defaults).map(([name, value]) => [name, given[name] ?? value])
  const draft = {
    v: MANIFEST_VERSION,
    id,
    on,
    ...(when && { when }),
    ...(key && { key }),
    ...(flow && { flow }),
    ...(inputs.size > 0 && { input: given['input'] }),
    retry: retryOf(given['retry'], issues),
    timeouts,
    ...Object.fromEntries(settings),
    tier: 'act_auto',
    poisonMax: 3,
    handler: handlerOf(given['handler'], given['isolate'] ?? false, issues),
  }
  return { id, definition: sealed(id, draft, issues), events, inputs, keys }
}

/** The manifest's own schema has the last word, on ranges above all. */
function sealed(id: string, draft: object, issues: Issues): Definition {
  const unhashed = manifest.omit({ version: true, hash: true }).safeParse(draft)
  const told = new Set(issues.all.map(({ path }) => path.split(/[.[]/)[0]))
  for (const { path, message } of unhashed.error?.issues ?? []) {
    const where = path.join('.').replace(/^(timeouts\.\w+)Ms$/, '$1')
    if (!told.has(String(path[0]))) issues.add('definition.range', where, message)
  }
  issues.settle(`binding ${quote(id)}`)
  if (!unhashed.data) throw new Error('refused without an issue')
  return { ...unhashed.data, hash: definitionHash(sha256, unhashed.data) }
}

function idOf(id: unknown, issues: Issues): string {
  if (typeof id === 'string' && isToken(id)) return id
  issues.add('definition.type', 'id', `${quote(id)} is no id`, '1 to 64 letters, digits, _ and -')
  return typeof id === 'string' ? id : ''
}

function handlerOf(handler: unknown, isolate: unknown, issues: Issues): HandlerSpec | undefined {
  if (typeof isolate !== 'boolean') {
    issues.add('definition.type', 'isolate', 'is neither true nor false')
  }
  if (typeof handler === 'function') {
    return { kind: 'local', code: codeHash(handler), isolate: isolate === true }
  }
  const code = handler === undefined ? 'definition.missing' : 'definition.type'
  return issues.add(code, 'handler', 'is no function', 'as in async (context) => { ... }')
}
