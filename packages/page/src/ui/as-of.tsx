import type { AsOf as Sequences } from '@waybill/api'
import { number } from '../base/text.ts'

/** How far they had read whose answers are on the page: the furthest of each stream. */
export function AsOf({
  answers,
}: {
  readonly answers: readonly ({ readonly asOf: Sequences } | undefined)[]
}) {
  const furthest = new Map<string, number>()
  for (const [stream, seq] of answers.flatMap((one) => Object.entries(one?.asOf ?? {}))) {
    furthest.set(stream, Math.max(seq, furthest.get(stream) ?? 0))
  }
  if (furthest.size === 0) return null
  const all = [...furthest].sort(([a], [b]) => (a < b ? -1 : 1))
  return (
    <span className="muted num small" title={all.map((one) => one.join(' ')).join('\n')}>
      as of {number(Math.max(...furthest.values()))}
    </span>
  )
}
