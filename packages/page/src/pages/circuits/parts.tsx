import { useAsk } from '../../base/query.ts'
import { duration, number } from '../../base/text.ts'
import { Age } from '../../ui/age.tsx'
import { DispatchLink } from '../../ui/reference.tsx'
import { type Circuit, nameOf, probeOf } from './circuit-rows.ts'
import type { Meant } from './switch.tsx'

/** In a row, and of all within the window: what the rule looks at. */
export function Failures({ circuit: { failures, rule, window } }: { readonly circuit: Circuit }) {
  const all = window.failed + window.succeeded
  return (
    <span className="num">
      {number(failures)} in a row
      {rule.kind === 'circuit' && (
        <>
          <span className="muted"> of {number(rule.failures)}</span>
          <div className="muted small">
            {number(window.failed)} of {number(all)} in {duration(rule.windowMs)}
          </div>
        </>
      )}
    </span>
  )
}

/** How many dispatches it turned back that are to come again. */
export function Held({ circuit: { app, ledger } }: { readonly circuit: Circuit }) {
  const { data, error } = useAsk('dispatch.count', { app, held: ledger }, { everyMs: 3000 })
  if (data === undefined) return <span className="muted">{error ? 'not known' : ''}</span>
  return (
    <>
      {number(data.count)}
      {data.more ? '+' : ''}
    </>
  )
}

export function NextProbe({ circuit }: { readonly circuit: Circuit }) {
  const probe = probeOf(circuit)
  switch (probe.kind) {
    case 'none':
      return null
    case 'running':
      return (
        <>
          <DispatchLink id={probe.dispatch} /> tries now
        </>
      )
    case 'now':
      return 'the next one may try'
    case 'at':
      return <Age at={probe.at} />
    case 'by hand':
      return <span className="muted">none, until it is closed by hand</span>
  }
}

export function Deeds({
  circuit,
  onDo,
}: {
  readonly circuit: Circuit
  readonly onDo: (meant: Meant) => void
}) {
  const named = nameOf(circuit)
  const offered =
    circuit.state === 'closed' ? (['open'] as const) : (['probe', 'close', 'open'] as const)
  const names = { probe: 'Probe', close: 'Close', open: 'Hold open' }
  return (
    <div className="row-do">
      {offered.map((deed) => (
        <button
          key={deed}
          type="button"
          aria-label={`${names[deed]} ${named}`}
          onClick={() => onDo({ do: deed, circuit })}
        >
          {names[deed]} …
        </button>
      ))}
    </div>
  )
}
