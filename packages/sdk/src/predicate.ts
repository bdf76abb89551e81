import type { Manifest, Predicate, Verdict, WaybillEvent } from '@waybill/core'
import { call, cut, dataShape, evaluate, isThenable, typedEvent } from './answer.ts'
import type { Binding, Judgement } from './binding.ts'
import { compileCel } from './cel/program.ts'
import { keyOf } from './key.ts'

type Verdicts = Omit<Verdict, 'binding'>

/** What can be judged at once, with the key. Never throws; `code` is undefined where it is not here. */
export function verdictOf(
  manifest: Manifest,
  code: Binding | undefined,
  event: WaybillEvent,
): Verdicts {
  const judged = manifest.when ? judgeNow(manifest.when, code, event) : matched
  if (judged.result !== 'matched' && judged.result !== 'ask') return judged
  if (!manifest.key) return judged
  const key = keyOf(manifest.key, code, event)
  if (!key) return { ...judged, result: 'ask' }
  return key.ok
    ? { ...judged, key: key.value }
    : { result: 'error', reason: cut(`key: ${key.reason}`) }
}

/** A predicate that is an effect. Throws what the function throws, so that it is retried or recorded. */
export async function judge(
  binding: Binding,
  event: WaybillEvent,
  signal: AbortSignal,
): Promise<{ matched: boolean; reason?: string }> {
  const { when } = binding.code
  // It asked for its key alone: what CEL says was known when the event was read.
  if (!when) return { matched: true }
  const typed = typedEvent(binding, event)
  if (!typed.ok) throw new Error(`data of ${event.type} refused: ${typed.problem}`)
  const judgement = judgementOf(await when(typed.value, { signal }))
  if (!judgement) throw new Error('the predicate answered neither true nor false')
  return judgement
}

const matched: Verdicts = { result: 'matched' }

function judgeNow(when: Predicate, code: Binding | undefined, event: WaybillEvent): Verdicts {
  if (when.kind === 'cel') return judgeCel(when.text, code, event)
  if (when.async || !code) return { result: 'ask' }
  const answer = call(typedEvent(code, event), code.code.when)
  if (!answer.ok) return { result: 'error', reason: cut(answer.reason) }
  // Asked again, as an effect.
  if (isThenable(answer.value)) return { result: 'ask' }
  const judgement = judgementOf(answer.value)
  if (!judgement)
    return { result: 'error', reason: 'the predicate answered neither true nor false' }
  if (judgement.matched) return matched
  return { result: 'filtered', reason: cut(judgement.reason ?? 'the predicate said no') }
}

function judgeCel(text: string, code: Binding | undefined, event: WaybillEvent): Verdicts {
  const data = dataShape(code, event.type)
  const answer = evaluate(text, event, data)
  if (!answer.ok) return { result: 'error', reason: cut(answer.reason) }
  if (answer.value === true) return matched
  if (answer.value !== false)
    return { result: 'error', reason: 'the filter is neither true nor false' }
  return { result: 'filtered', reason: cut(compileCel(text).falseClause(event, data)) }
}

function judgementOf(value: unknown): { matched: boolean; reason?: string } | undefined {
  if (typeof value === 'boolean') return { matched: value }
  const { matched, reason } = (value ?? {}) as Partial<Exclude<Judgement, boolean>>
  if (typeof matched !== 'boolean') return undefined
  return typeof reason === 'string' ? { matched, reason: cut(reason) } : { matched }
}
