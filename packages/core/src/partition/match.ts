import type { Manifest } from '../binding.ts'
import { dispatchIdOf } from '../id.ts'
import { start, type Draft } from './draft.ts'
import { seen } from './dedupe.ts'
import type { InputOf, Verdict } from './entry.ts'
import { candidates } from './state.ts'

/** Which dispatches an event starts: duplicate? -> chain depth -> what was judged (rule 3.1). */
export function decideEvent(draft: Draft, input: InputOf<'event'>): void {
  const { partition, facts } = draft
  const { head } = input
  const known = seen(partition.seen, head.id)
  if (known !== undefined) {
    facts.push({ kind: 'event.duplicate', divergent: known !== head.digest })
    return
  }
  facts.push({ kind: 'event.seen' })
  for (const binding of candidates(partition, head.type)) {
    const loop = head.chain.depth > binding.maxChainDepth
    const verdict = verdictOf(input, binding, loop)
    if (verdict.result === 'filtered' || verdict.result === 'error') continue
    const id = dispatchIdOf({
      hash: partition.hash,
      app: partition.app,
      binding: binding.id,
      event: head.id,
      place: `${input.ref.seq}/${input.ref.index}`,
      rerun: 0,
    })
    const { key, limits, result } = verdict
    const ask = result === 'ask'
    start(draft, { id, binding, event: head, ref: input.ref, loop, ask, key, limits })
  }
}

/** The host judges every candidate just before the step; another list is the host's mistake. */
function verdictOf(input: InputOf<'event'>, binding: Manifest, loop: boolean): Verdict {
  const key = `${binding.id}@v${binding.version}`
  const verdict = input.verdicts.find((one) => one.binding === key)
  if (!verdict) throw new Error(`no verdict on ${key} for ${input.head.id}`)
  if ((verdict.result === 'unjudged') !== loop) {
    throw new Error(`verdict ${verdict.result} on ${key} at chain depth ${input.head.chain.depth}`)
  }
  return verdict
}
