import type { WholeLimit } from '@waybill/api'
import { useEffect, useState } from 'react'
import { type Sample, withSample } from './drain.ts'

export const nameOf = ({ app, limit }: Pick<WholeLimit, 'app' | 'limit'>): string =>
  `${app} ${limit}`

/** Of each limit, how many waited whenever we asked. */
export function useSamples(
  limits: readonly WholeLimit[],
  at: number | undefined,
): ReadonlyMap<string, readonly Sample[]> {
  const [samples, setSamples] = useState<ReadonlyMap<string, readonly Sample[]>>(new Map())
  useEffect(() => {
    if (at === undefined) return
    setSamples((before) => {
      const now = limits.map((one): [string, readonly Sample[]] => {
        const name = nameOf(one)
        return [name, withSample(before.get(name) ?? [], { at, waiting: one.waiting })]
      })
      return new Map(now)
    })
  }, [limits, at])
  return samples
}
