import type { PartitionRow } from '@waybill/api'
import { Heads } from '../../ui/heads.tsx'
import { useAskEach } from '../../base/query.ts'
import { useApp } from '../../base/router.tsx'
import { count, duration, number } from '../../base/text.ts'
import { Age } from '../../ui/age.tsx'
import { AsOf } from '../../ui/as-of.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Answer, Empty } from '../../ui/notice.tsx'
import { State } from '../../ui/state.tsx'
import { orphansOf, partitionsOf, positionsText } from './instances.ts'

/** Who leads what, and how far each has come. */
export function Partitions() {
  const app = useApp()
  const answer = useAskEach('partition.status', app === undefined ? {} : { app }, {
    everyMs: 2000,
  })
  const rows = partitionsOf(answer.data ?? [])
  const orphans = orphansOf(rows)
  return (
    <section className="card scroll" aria-labelledby="partitions">
      <div className="card-head">
        <h2 id="partitions">Partitions</h2>
        <span className="muted">{ownersText(rows)}</span>
        <span className="push" />
        <AsOf answers={answer.data ?? []} />
      </div>
      <Answer answer={answer} what="partitions">
        {() =>
          rows.length === 0 ? (
            <Empty title="No dispatcher leads a partition">
              Events are kept meanwhile. <code>waybill dispatcher --app …</code>
            </Empty>
          ) : (
            <>
              {rows.map((row) => (
                <Halted key={keyOf(row)} row={row} />
              ))}
              {orphans.length > 0 && (
                <Warning
                  title={`Nobody says that he leads ${orphans.join(', ')}`}
                  why="its events wait until a dispatcher takes it over"
                />
              )}
              <PartitionTable rows={rows} />
            </>
          )
        }
      </Answer>
    </section>
  )
}

const keyOf = ({ partition: { app, generation, slot }, owner }: PartitionRow): string =>
  `${app} ${generation} ${slot} ${owner}`

const ownersText = (rows: readonly PartitionRow[]): string =>
  rows.length === 0
    ? ''
    : `${number(rows.length)} led by ${count(new Set(rows.map(({ owner }) => owner)).size, 'dispatcher')}`

function Halted({ row: { partition, halted, owner } }: { readonly row: PartitionRow }) {
  if (!halted) return null
  return (
    <Warning
      tone="dead"
      title={`${partition.app} slot ${partition.slot} is halted on ${owner}: ${halted.code}`}
      why={halted.why}
      next={halted.next}
    />
  )
}

function Warning({
  title,
  why,
  next,
  tone = 'waiting',
}: {
  readonly title: string
  readonly why: string
  readonly next?: string | undefined
  readonly tone?: 'waiting' | 'dead'
}) {
  return (
    <div className="card-body">
      <div className="notice" data-tone={tone} role="status">
        <Icon name="warning" />
        <div className="notice-text">
          <strong>{title}</strong>
          <span>{why}</span>
          {next !== undefined && <span className="muted">{next}</span>}
        </div>
      </div>
    </div>
  )
}

function PartitionTable({ rows }: { readonly rows: readonly PartitionRow[] }) {
  return (
    <table className="plain-table">
      <caption className="unseen">partitions, who leads them, and how far they have come</caption>
      <Heads
        titles={[
          'Partition',
          'State',
          'Led by',
          'Epoch',
          'Open',
          'Running',
          'Lag',
          'Journal',
          'Has read',
          'Next timer',
        ]}
        right={['Epoch', 'Open', 'Running', 'Lag', 'Journal']}
      />
      <tbody>
        {rows.map((row) => (
          <tr key={keyOf(row)}>
            <td className="tight">
              {row.partition.app}, slot {row.partition.slot}
              {row.partition.generation > 1 && (
                <span className="muted"> g{row.partition.generation}</span>
              )}
            </td>
            <td className="tight">
              <State state={row.state} detail={row.halted?.code} />
            </td>
            <td className="tight mono">{row.owner}</td>
            <td className="right">{number(row.epoch)}</td>
            <td className="right">{number(row.open)}</td>
            <td className="right">{number(row.running)}</td>
            <td className="right">{row.lagMs === 0 ? 'none' : duration(row.lagMs)}</td>
            <td className="right">
              {number(row.committedSeq)}
              <Uncommitted row={row} />
            </td>
            <td className="mono small">{positionsText(row)}</td>
            <td className="tight">{row.nextDue !== undefined && <Age at={row.nextDue} />}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** Decided in memory, not stored yet: many of them for long means that storing is stuck. */
const Uncommitted = ({ row: { steppedNumber, committedNumber } }: { readonly row: PartitionRow }) =>
  steppedNumber > committedNumber ? (
    <div className="muted small">{number(steppedNumber - committedNumber)} not stored yet</div>
  ) : null
