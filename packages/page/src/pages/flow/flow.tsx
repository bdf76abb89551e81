import '../ops.css'
import { Heads } from '../../ui/heads.tsx'
import { limitsOf, type WholeLimit } from '@waybill/api'
import type { Rule } from '@waybill/core'
import { useMemo, useState } from 'react'
import { useAskEach } from '../../base/query.ts'
import { Link, useApp, useSearch } from '../../base/router.tsx'
import { href } from '../../base/route.ts'
import { ruleText } from '../../base/rule.ts'
import { useMayAct } from '../../base/session.ts'
import { count, duration, number } from '../../base/text.ts'
import { Age } from '../../ui/age.tsx'
import { AsOf } from '../../ui/as-of.tsx'
import { Meter } from '../../ui/meter.tsx'
import { Answer, Empty } from '../../ui/notice.tsx'
import { SearchSelect, SearchField } from '../../ui/search-field.tsx'
import { atBestMs, type Drain, drainOf } from './drain.ts'
import { LimitDetail } from './limit.tsx'
import { SetDialog } from './set.tsx'
import { nameOf, useSamples } from './use-samples.ts'

const everyMs = 2000

export function Flow() {
  const app = useApp()
  const [search, setSearch] = useSearch()
  const answer = useAskEach('flow.list', app === undefined ? {} : { app }, { everyMs })
  const limits = useMemo(() => limitsIn(answer.data), [answer.data])
  const samples = useSamples(limits, answer.at)
  const chosen = limits.find((one) => nameOf(one) === search.get('limit'))
  const [setting, setSetting] = useState<WholeLimit>()
  const shown = limits.filter((one) => fits(one, search))
  return (
    <div className="page">
      <div className="page-head">
        <h1>Flow</h1>
        <span className="muted">{summary(limits)}</span>
        <span className="push" />
        <AsOf answers={answer.data ?? []} />
      </div>
      <div className="filter-row">
        <SearchField name="q" label="limit or rule" isFilter />
        <SearchSelect name="show" label="which limits" options={showOptions} />
      </div>
      <Answer answer={answer} what="limits">
        {() =>
          limits.length === 0 ? (
            <Nothing />
          ) : (
            <div className="split" data-open={chosen !== undefined}>
              <LimitTable
                limits={shown}
                hidden={limits.length - shown.length}
                chosen={chosen}
                drainFor={(one) => drainOf(samples.get(nameOf(one)) ?? [])}
                onSet={setSetting}
              />
              {chosen && (
                <LimitDetail
                  key={nameOf(chosen)}
                  limit={chosen}
                  onSet={() => setSetting(chosen)}
                  onClose={() => setSearch({ limit: undefined })}
                />
              )}
            </div>
          )
        }
      </Answer>
      {setting && (
        <SetDialog
          limit={setting}
          onClose={() => {
            setSetting(undefined)
            answer.refetch()
          }}
        />
      )}
    </div>
  )
}

/** Circuits are limits too, with a page of their own. */
const limitsIn = (answers: Parameters<typeof limitsOf>[0] | undefined): readonly WholeLimit[] =>
  limitsOf(answers ?? []).filter(({ rule }) => rule.kind !== 'circuit')

const showOptions = [
  ['', 'all limits'],
  ['waiting', 'somebody waits'],
  ['set', 'changed by hand'],
] as const

function fits({ limit, rule, waiting, override }: WholeLimit, search: URLSearchParams): boolean {
  const text = (search.get('q') ?? '').toLowerCase()
  if (!`${limit} ${rule.kind} ${ruleText(rule)}`.toLowerCase().includes(text)) return false
  const show = search.get('show')
  if (show === 'waiting') return waiting > 0
  return show !== 'set' || override !== undefined
}

function summary(limits: readonly WholeLimit[]): string {
  if (limits.length === 0) return ''
  const waiting = limits.reduce((sum, one) => sum + one.waiting, 0)
  return `${count(limits.length, 'limit')}, ${number(waiting)} waiting`
}

function LimitTable({
  limits,
  hidden,
  chosen,
  drainFor,
  onSet,
}: {
  readonly limits: readonly WholeLimit[]
  readonly hidden: number
  readonly chosen: WholeLimit | undefined
  readonly drainFor: (limit: WholeLimit) => Drain
  readonly onSet: (limit: WholeLimit) => void
}) {
  const mayAct = useMayAct()
  if (limits.length === 0) {
    return (
      <Empty title="No limit fits this filter">
        {count(hidden, 'limit')} hidden. <Link to="/flow">Show all of them</Link>
      </Empty>
    )
  }
  return (
    <div className="card scroll">
      <table className="plain-table">
        <caption className="unseen">limits</caption>
        <Heads
          titles={['Limit', 'Rule in force', 'Used', 'Waiting', 'Oldest', 'Drains']}
          right={['Waiting']}
          actions={mayAct}
        />
        <tbody>
          {limits.map((one) => (
            <Row
              key={nameOf(one)}
              limit={one}
              isCurrent={one === chosen}
              drain={drainFor(one)}
              onSet={mayAct ? onSet : undefined}
            />
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Row({
  limit,
  isCurrent,
  drain,
  onSet,
}: {
  readonly limit: WholeLimit
  readonly isCurrent: boolean
  readonly drain: Drain
  readonly onSet: ((limit: WholeLimit) => void) | undefined
}) {
  return (
    <tr data-current={isCurrent}>
      <td>
        <Link to={href('/flow', { limit: nameOf(limit) })}>{limit.limit}</Link>
      </td>
      <td>
        {ruleText(limit.rule)}
        {limit.override && <SetMark override={limit.override} />}
      </td>
      <td className="tight">
        <Used limit={limit} />
      </td>
      <td className="right">{number(limit.waiting)}</td>
      <td className="tight">{limit.oldest !== undefined && <Age at={limit.oldest} />}</td>
      <td>
        <Drains drain={drain} limit={limit} />
      </td>
      {onSet && (
        <td className="tight">
          <div className="row-do">
            <button
              type="button"
              disabled={limit.rule.kind === 'singleton'}
              title={limit.rule.kind === 'singleton' ? 'it has no numbers' : undefined}
              aria-label={`change ${limit.limit}`}
              onClick={() => onSet(limit)}
            >
              Change …
            </button>
          </div>
        </td>
      )}
    </tr>
  )
}

const SetMark = ({ override }: { readonly override: NonNullable<WholeLimit['override']> }) => (
  <span className="state set-mark" data-tone="waiting" title={`${override.by}: ${override.reason}`}>
    <span>set by hand</span>
  </span>
)

/** One ledger: a bar. One for each key: how many keys, since each has a line of its own. */
function Used({ limit: { rule, ledgers, used } }: { readonly limit: WholeLimit }) {
  const max = maxOf(rule)
  const isKeyed = ledgers.some(({ key }) => key !== undefined)
  if (!isKeyed && max !== undefined) return <Meter used={used} max={max} />
  if (!isKeyed) return <span className="num">{number(used)}</span>
  const each = max === undefined ? '' : `, of ${max} each`
  return (
    <span className="num">
      {number(used)} in {count(ledgers.length, 'key')}
      <span className="muted">{each}</span>
    </span>
  )
}

function maxOf(rule: Rule): number | undefined {
  if (rule.kind === 'batch') return rule.size
  if (rule.kind === 'singleton') return 1
  return 'max' in rule ? rule.max : undefined
}

function Drains({ drain, limit }: { readonly drain: Drain; readonly limit: WholeLimit }) {
  const best = atBestMs(limit.rule, limit.ledgers)
  const atBest = best === undefined ? '' : `; by its rule not before ${duration(best)}`
  return (
    <span className={drain.kind === 'growing' ? '' : 'muted'}>{drainText(drain) + atBest}</span>
  )
}

function drainText(drain: Drain): string {
  switch (drain.kind) {
    case 'empty':
      return ''
    case 'measuring':
      return 'measuring …'
    case 'draining':
      return `in ${duration(drain.ms)}, at ${rateText(drain.perSecond)}`
    case 'growing':
      return `grows by ${rateText(drain.perSecond)}`
    case 'steady':
      return 'does not move'
  }
}

const rateText = (perSecond: number): string =>
  perSecond >= 1 ? `${perSecond.toFixed(1)}/s` : `${(perSecond * 60).toFixed(1)}/min`

const Nothing = () => (
  <Empty title="No limits">
    <p>Bindings get them in their definition:</p>
    <pre>{`flow: { concurrency: 6, throttle: { max: 200, period: '1s' } }`}</pre>
  </Empty>
)
