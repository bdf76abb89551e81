import { useEffect, useRef } from 'react'
import { useKeys } from '../../base/keys.ts'
import { setSearch, useSearch } from '../../base/router.tsx'
import { clock, duration, iso } from '../../base/text.ts'
import { Icon, type IconName } from '../../ui/icon.tsx'
import { Json } from '../../ui/json.tsx'
import { Empty, Loading } from '../../ui/notice.tsx'
import { lookOf, State } from '../../ui/state.tsx'
import { Differences } from './differences.tsx'
import { MachinePicture } from './machine/machine.tsx'
import { labelOf, numbersText } from './stretches.ts'
import type { History, Step } from './use-history.ts'

/** The dispatch as it was after any of its transitions: nothing here is guessed, all of it is in the log. */
export function Replay({ history }: { readonly id: string; readonly history: History }) {
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
      <Scrubber steps={steps} at={at} go={go} />
      <div className="replay-views">
        <div className="card machine-card">
          <MachinePicture steps={steps} upTo={at + 1} />
        </div>
        <Moment step={step} before={steps[at - 1]} />
      </div>
    </div>
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
  useEffect(() => chosen.current?.scrollIntoView({ block: 'nearest', inline: 'nearest' }), [at])
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
        <h3>What this transition changed</h3>
        <Differences before={before?.transition.record} after={record} />
        <h3>Limits as of here</h3>
        <Gates step={step} />
        <h3>Context as of here</h3>
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
