import { useMemo } from 'react'
import { useAsk, useAskEach } from '../../base/query.ts'
import { bindingsOf } from './binding-rows.ts'

/** Bindings from the read store, with the pauses that the partitions tell of. */
export function useBindings(app: string | undefined, binding?: string) {
  const named = app === undefined ? {} : { app }
  const list = useAsk(
    'binding.list',
    { ...named, ...(binding !== undefined && { binding }) },
    { everyMs: 3000 },
  )
  const status = useAskEach('partition.status', named, { everyMs: 2000 })
  const partitions = useMemo(
    () => (status.data ?? []).flatMap((one) => one.partitions),
    [status.data],
  )
  const bindings = useMemo(
    () => bindingsOf(list.data?.bindings ?? [], partitions),
    [list.data, partitions],
  )
  // Without its partitions nobody knows whether a binding is paused, and none is shown as if it ran.
  const isKnown = status.data !== undefined || status.error !== undefined
  const settled = isKnown ? list : { ...list, data: undefined, loading: true }
  const refetch = (): void => {
    list.refetch()
    status.refetch()
  }
  return { list: settled, pauses: status, bindings, partitions, refetch }
}
