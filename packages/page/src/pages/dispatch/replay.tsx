import { toJson } from '@waybill/api'
import { lazy, Suspense, useEffect, useMemo, useRef } from 'react'
import { useAsk } from '../../base/query.ts'
import { useKeys } from '../../base/keys.ts'
import { setSearch, useSearch } from '../../base/router.tsx'
import { clip, clock, duration, iso } from '../../base/text.ts'
import { Icon, type IconName } from '../../ui/icon.tsx'
import { Json } from '../../ui/json.tsx'
import { Empty, Loading, ProblemNotice } from '../../ui/notice.tsx'
import { lookOf, State } from '../../ui/state.tsx'
import { Differences } from './differences.tsx'
import { folded, focusPath } from './graph/tree.ts'
import { MachinePicture } from './machine/machine.tsx'
import { labelOf, numbersText } from './stretches.ts'
import type { History, Step } from './use-history.ts'

const Canvas = lazy(async () => ({ default: (await import('./graph/canvas.tsx')).Canvas }))

/** The dispatch as it was after any of its transitions: nothing here is guessed, all of it is in the log. */
export function Replay({ id, history }: { readonly id: string; readonly history: History }) {
  const { steps, loading } = history
  const [search] = useSearch()
  const last = steps.length - 1
  const asked = steps.findIndex(({ transition }) => String(transition.index) === search.get('at'))
  const at = asked === -1 ? last : asked
  const go = (to: number): void => {
    const index = steps[Math.max(0, Math.min(last, to))]?.transition.index
    if (index !== undefined) setSearch({ at: String(index) }, { replace: true })
  }
  useKeys([
    { keys: 'ArrowLeft', what: 'a transition back', do: () => go(at - 1) },
    { keys: 'ArrowRight', what: 'a transition on', do: () => go(at + 1) },
    { keys: 'Home', what: 'the first transition', do: () => go(0) },
    { keys: 'End', what: 'the last transition', do: () => go(last) },
  ])
  const step = steps[at]
  if (!step) return loading ? <Loading what="replay" /> : <Empty title="No transitions" />
  return (
    <div className="replay">
      <Divergence id={id} at={step.transition.index} />
      <Scrubber steps={steps} at={at} go={go} />
      <div className="replay-views">
        <div className="replay-left">
          <div className="card machine-card">
            <MachinePicture steps={steps} upTo={at + 1} />
          </div>
          <GraphAsOf id={id} upTo={step.transition.index} />
        </div>
        <Moment step={step} before={steps[at - 1]} />
      </div>
    </div>
  )
}

/** What the machine of this build makes of the same events; silence would be a claim too. */
function Divergence({ id, at }: { readonly id: string; readonly at: number }) {
  const { data, error } = useAsk('dispatch.replay', { id })
  if (error) return <ProblemNotice problem={error} />
  if (!data) return null
  const first = data.steps.find(({ same }) => !same)
  if (data.verdict === 'not_kept') {
    return (
      <p className="muted">
        Its beginning is no longer kept, so nothing can be decided again; what is shown is the log.
      </p>
    )
  }
  if (!first) {
    return (
      <p className="muted">
        <State state="ok" text="replays the same" plain /> Decided again by the machine of this
        build, every transition comes out as the log has it.
      </p>
    )
  }
  return (
    <div className="notice" data-tone="failed" role="status">
      <Icon name="warning" />
      <div className="notice-text">
        <strong>
          Today’s code decides otherwise at transition{' '}
          <button
            type="button"
            className="quiet"
            onClick={() => setSearch({ at: String(first.index) })}
          >
            {first.index}
          </button>
          {first.index === at ? ' (this one)' : ''}
        </strong>
        {first.differences.slice(0, 6).map(({ path, recorded, replayed }) => (
          <span key={path} className="mono small">
            {path}: recorded {clip(toJson(recorded ?? null), 80)}, today{' '}
            {clip(toJson(replayed ?? null), 80)}
          </span>
        ))}
      </div>
    </div>
  )
}

const noHits = undefined
const keepFolded = (): void => undefined

/** The graph as it was: while the next one is on its way, the one before stays. */
function GraphAsOf({ id, upTo }: { readonly id: string; readonly upTo: number }) {
  const { data, error } = useAsk('dispatch.graph', { id, upTo })
  const shown = useRef(data)
  if (data) shown.current = data
  const graph = shown.current
  const seen = useMemo(() => graph && folded(graph, new Set()), [graph])
  const path = useMemo(() => new Set(graph ? focusPath(graph) : []), [graph])
  if (error) return <ProblemNotice problem={error} />
  if (!seen) return null
  return (
    <Suspense fallback={<Loading what="graph" />}>
      <Canvas seen={seen} path={path} hits={noHits} unfold={keepFolded} follow />
    </Suspense>
  )
}

function Scrubber({
  steps,
  at,
  go,
}: {
  readonly steps: readonly Step[]
  readonly at: number
  readonly go: (to: number) => void
}) {
  const step = steps[at]
  const first = steps[0]
  if (!step || !first) return null
  const { transition } = step
  return (
    <div className="card scrubber">
      <div className="spread">
        <Jump icon="left" label="a transition back" onClick={() => go(at - 1)} off={at === 0} />
        <Jump
          icon="right"
          label="a transition on"
          onClick={() => go(at + 1)}
          off={at === steps.length - 1}
        />
        <b className="num">
          {transition.index} / {steps.at(-1)?.transition.index}
        </b>
        <span>{transition.event.type}</span>
        <span className="muted">{transition.from ?? '·'} →</span>
        <State state={transition.to} />
        <span className="push muted num" title={iso(step.at)}>
          {clock(step.at)}, {duration(step.at - first.at)} after the first · sequence {step.seq}
        </span>
      </div>
      <input
        type="range"
        min={0}
        max={steps.length - 1}
        value={at}
        aria-label="transition"
        aria-valuetext={`${transition.index}, ${transition.event.type}, ${transition.to}`}
        onChange={({ target }) => go(Number(target.value))}
      />
      <Ticks steps={steps} at={at} go={go} />
    </div>
  )
}

function Jump({
  icon,
  label,
  onClick,
  off,
}: {
  readonly icon: IconName
  readonly label: string
  readonly onClick: () => void
  readonly off: boolean
}) {
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={label}
      title={label}
      disabled={off}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  )
}

/** More would be narrower than a finger. */
const ticksMax = 60

/** Where it was, all along, by colour; the slider above says the same to who sees none. */
function Ticks({
  steps,
  at,
  go,
}: {
  readonly steps: readonly Step[]
  readonly at: number
  readonly go: (to: number) => void
}) {
  const chosen = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    // Newer browsers answer with a promise, which React would take for what undoes the effect.
    chosen.current?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }, [at])
  if (steps.length > ticksMax) return null
  return (
    <div className="ticks">
      {steps.map(({ transition }, index) => {
        const { tone, icon } = lookOf(transition.to)
        return (
          <button
            key={transition.index}
            ref={index === at ? chosen : undefined}
            type="button"
            tabIndex={-1}
            data-tone={tone}
            data-done={index <= at}
            aria-label={`transition ${transition.index}, ${transition.to}`}
            aria-current={index === at}
            title={`${transition.index} ${transition.event.type} → ${transition.to}`}
            onClick={() => go(index)}
          >
            <Icon name={icon} size={12} />
          </button>
        )
      })}
    </div>
  )
}

function Moment({ step, before }: { readonly step: Step; readonly before: Step | undefined }) {
  const { record } = step.transition
  return (
    <div className="card moment">
      <div className="card-body">
        <h2 className="label">What this transition changed</h2>
        <Differences before={before?.transition.record} after={record} />
        <h2 className="label">Limits as of here</h2>
        <Gates step={step} />
        <h2 className="label">Context as of here</h2>
        <Json value={record} label="context" />
      </div>
    </div>
  )
}

function Gates({ step }: { readonly step: Step }) {
  const { flow } = step.transition.record
  if (step.gates.length === 0 && flow === undefined) return <p className="muted">None asked.</p>
  return (
    <dl className="facts">
      {step.gates.map(({ ledger, result, reason, numbers }, at) => (
        <GateLine key={`${at} ${ledger}`} name={labelOf(ledger)}>
          <State state={result} detail={reason} plain />{' '}
          <span className="muted">{numbersText(numbers)}</span>
        </GateLine>
      ))}
      {flow && (
        <GateLine name="admission">
          {flow.admission}
          <span className="muted">
            {' '}
            {flow.held.length === 0
              ? 'holds no permit'
              : `holds the permits of limits ${flow.held.map(([limit]) => limit).join(', ')}`}
          </span>
        </GateLine>
      )}
      {flow?.why && (
        <GateLine name="held by">
          {labelOf(flow.why.gate)} <span className="muted">{numbersText(flow.why.numbers)}</span>
        </GateLine>
      )}
    </dl>
  )
}

function GateLine({
  name,
  children,
}: {
  readonly name: string
  readonly children: React.ReactNode
}) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  )
}
