import type { Manifest } from '../binding.ts'
import { dispatchIdOf } from '../id.ts'
import { start, type Draft } from './draft.ts'
import { seen } from './dedupe.ts'
import type { InputOf, Verdict } from './entry.ts'
import { holdersOf, holdsBack } from './pause.ts'
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
    const verdict = verdictOn(binding, input)
    if ((verdict.result === 'paused') !== holdsBack(partition, binding.id)) {
      throw new Error(`verdict ${verdict.result} on ${binding.id}, which is paused or is not`)
    }
    if (verdict.result !== 'paused') startOne(draft, binding, verdict, input)
  }
}

/** Which dispatches an event starts that was held back before, of the bindings that it is owed to. */
export function decideHeld(draft: Draft, input: InputOf<'held'>): void {
  const { partition, facts } = draft
  const { place, head, bytes, verdicts } = input
  const { seq, index } = place
  const holders = holdersOf(partition, [seq, index], head.type)
  if (holders.length === 0 || holders.length !== verdicts.length) {
    throw new Error(`${head.id} is owed to ${holders.length}, judged for ${verdicts.length}`)
  }
  const bindings = holders.map(({ binding }) => binding.id)
  facts.push({ kind: 'event.released', seq, index, bindings, bytes })
  for (const { binding, wanted, missing } of holders) {
    if (missing > 0) throw new Error(`${missing} events before ${head.id} were passed over`)
    const verdict = verdictOn(binding, input)
    if (!wanted && verdict.result !== 'filtered') throw new Error(`${binding.id} is on other types`)
    if (wanted) startOne(draft, binding, verdict, { head, ref: place })
  }
}

type Read = Pick<InputOf<'event'>, 'head' | 'ref'>

function startOne(draft: Draft, binding: Manifest, verdict: Verdict, { head, ref }: Read): void {
  const { key, limits, result } = verdict
  const loop = head.chain.depth > binding.maxChainDepth
  if ((result === 'unjudged') !== loop || result === 'paused') {
    throw new Error(`verdict ${result} on ${binding.id} at chain depth ${head.chain.depth}`)
  }
  if (result === 'filtered' || result === 'error') return
  const id = dispatchIdOf({
    hash: draft.partition.hash,
    app: draft.partition.app,
    binding: binding.id,
    event: head.id,
    place: `${ref.seq}/${ref.index}`,
    rerun: 0,
  })
  const ask = result === 'ask'
  start(draft, { id, binding, event: head, ref, loop, ask, key, limits })
}

/** The host judges every candidate just before the step; another list is the host's mistake. */
function verdictOn(
  binding: Manifest,
  { head, verdicts }: Pick<InputOf<'event'>, 'head' | 'verdicts'>,
): Verdict {
  const key = `${binding.id}@v${binding.version}`
  const verdict = verdicts.find((one) => one.binding === key)
  if (!verdict) throw new Error(`no verdict on ${key} for ${head.id}`)
  return verdict
}
