import type { ResponseOf } from '@waybill/api'
import { useCallback, useEffect, useRef, useState } from 'react'
import { ask, type Problem, problemOf } from '../../base/api.ts'
import { live, useLive } from '../../live/live.ts'

export type Step = ResponseOf<'dispatch.history'>['steps'][number]
type Verified = ResponseOf<'dispatch.history'>['verified']

export interface History {
  readonly steps: readonly Step[]
  readonly verified?: Verified | undefined
  readonly error?: Problem | undefined
  readonly at?: number | undefined
  /** All that there is has been read. */
  readonly whole: boolean
  readonly loading: boolean
  readonly reload: () => void
}

type State = Omit<History, 'reload'>

const pageSize = 500
const empty: State = { steps: [], whole: false, loading: true }

/** Every transition of a dispatch, from the journal; what happens while one looks is added. */
export function useHistory(id: string): History {
  const [state, setState] = useState(empty)
  const steps = useRef<readonly Step[]>([])
  const running = useRef<AbortController>(undefined)
  const [wanted, want] = useState(0)

  useEffect(() => {
    steps.current = []
    setState(empty)
  }, [id])
  useEffect(() => {
    const controller = new AbortController()
    running.current = controller
    setState((now) => ({ ...now, loading: true }))
    readOn(id, steps.current, controller.signal, (read, page) => {
      steps.current = read
      setState({
        steps: read,
        verified: page.verified,
        at: Date.now(),
        whole: !page.more,
        loading: page.more,
      })
    }).catch((thrown: unknown) => {
      if (controller.signal.aborted) return
      setState((now) => ({ ...now, error: problemOf(thrown), loading: false }))
    })
    return () => controller.abort()
  }, [id, wanted])
  const reload = useCallback(() => want((times) => times + 1), [])
  useLive((batch) => {
    const known = steps.current.length
    if (batch.steps.some(({ dispatch, index }) => dispatch === id && index >= known)) reload()
  })
  useEffect(() => live.onReset(reload), [reload])
  return { ...state, reload }
}

async function readOn(
  id: string,
  known: readonly Step[],
  signal: AbortSignal,
  found: (steps: readonly Step[], page: ResponseOf<'dispatch.history'>) => void,
): Promise<void> {
  let steps = known
  for (;;) {
    // The journal may no longer have the beginning: the next index is that of the last one, and one.
    const from = (steps.at(-1)?.transition.index ?? -1) + 1
    const page = await ask('dispatch.history', { id, from, limit: pageSize }, signal)
    steps = [...steps, ...page.steps]
    found(steps, page)
    if (!page.more || page.steps.length === 0) return
  }
}
