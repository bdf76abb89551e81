import '../ops.css'
import '../dispatches/dispatches.css'
import { useMemo, useState } from 'react'
import { useAsk } from '../../base/query.ts'
import { Link, setSearch, useApp, useSearch } from '../../base/router.tsx'
import { useMayAct, useSession } from '../../base/session.ts'
import { count, number } from '../../base/text.ts'
import { Age } from '../../ui/age.tsx'
import { AsOf } from '../../ui/as-of.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Answer, Empty } from '../../ui/notice.tsx'
import { BindingLink } from '../../ui/reference.tsx'
import { SearchSelect, SearchField } from '../../ui/search-field.tsx'
import { Tabs } from '../../ui/tabs.tsx'
import { Entries } from './entries.tsx'
import { commandFilter, deadReasons, type DeadFilter, filterOf, statuses } from './filter.ts'
import { type Group, GroupDeeds, GroupTable } from './groups.tsx'
import { DeadDialog, type Deed, type Target } from './redrive.tsx'

const groupsMax = 500

export function Dead() {
  const [search] = useSearch()
  const at = search.toString()
  const filter = useMemo(() => filterOf(search), [at])
  const groups = useGroups(filter)
  const [doing, setDoing] = useState<{ readonly deed: Deed; readonly target: Target }>()
  const [version, setVersion] = useState(0)
  const view = search.get('view') === 'entries' ? 'entries' : 'groups'
  const onDo = (deed: Deed, target: Target): void => setDoing({ deed, target })
  return (
    <div className="page page-fill">
      <Head groups={groups.data} filter={filter} onDo={onDo} />
      <Filters withStatus={view === 'entries' || filter.group !== undefined} />
      {filter.group === undefined ? (
        <Tabs
          tabs={tabs}
          chosen={view}
          choose={(id) => setSearch({ view: id === 'groups' ? undefined : id })}
          label="dead letters by"
        >
          {view === 'entries' ? (
            <Entries key={version} filter={filter} onDo={onDo} />
          ) : (
            <Groups answer={groups} filter={filter} onDo={onDo} />
          )}
        </Tabs>
      ) : (
        <>
          <GroupHead groups={groups.data?.groups ?? []} fingerprint={filter.group} onDo={onDo} />
          <Entries key={version} filter={filter} onDo={onDo} />
        </>
      )}
      {doing && (
        <DeadDialog
          {...doing}
          onClose={(done) => {
            setDoing(undefined)
            groups.refetch()
            if (done) setVersion((before) => before + 1)
          }}
        />
      )}
    </div>
  )
}

function Head({
  groups,
  filter,
  onDo,
}: {
  readonly groups: ReturnType<typeof useGroups>['data']
  readonly filter: DeadFilter
  readonly onDo: (deed: Deed, target: Target) => void
}) {
  const pending = (groups?.groups ?? []).reduce((sum, one) => sum + one.pending, 0)
  return (
    <div className="page-head">
      <h1>Dead letters</h1>
      <span className="muted num">
        {groups && `${number(pending)} pending in ${count(groups.groups.length, 'group')}`}
      </span>
      <span className="push" />
      <AsOf answers={[groups]} />
      <AllButtons filter={filter} pending={pending} onDo={onDo} />
    </div>
  )
}

function useGroups(filter: DeadFilter) {
  const app = useApp()
  const asked = useMemo(() => {
    const { fingerprint: _, ...rest } = commandFilter(filter, Date.now())
    return { ...rest, limit: groupsMax, ...(app !== undefined && { app }) }
  }, [filter, app])
  return useAsk('dlq.groups', asked, { on: ({ to }) => to === 'dlq', everyMs: 3000 })
}

function Groups({
  answer,
  filter,
  onDo,
}: {
  readonly answer: ReturnType<typeof useGroups>
  readonly filter: DeadFilter
  readonly onDo: (deed: Deed, target: Target) => void
}) {
  return (
    <Answer answer={answer} what="groups">
      {({ groups }) =>
        groups.length === 0 ? (
          <Nothing filter={filter} />
        ) : (
          <GroupTable groups={groups} onDo={(deed, group) => onDo(deed, targetOf(group, filter))} />
        )
      }
    </Answer>
  )
}

const tabs = [
  { id: 'groups', title: 'What they died of' },
  { id: 'entries', title: 'One by one' },
]

const targetOf = ({ app, fingerprint }: Group, filter: DeadFilter): Target => ({
  app,
  filter: { ...filter, group: fingerprint },
})

/** A command goes to one app: with several, it has to be chosen. */
function AllButtons({
  filter,
  pending,
  onDo,
}: {
  readonly filter: DeadFilter
  readonly pending: number
  readonly onDo: (deed: Deed, target: Target) => void
}) {
  const mayAct = useMayAct()
  const { data: session } = useSession()
  const chosen = useApp()
  const apps = session?.apps ?? []
  const app = chosen ?? (apps.length === 1 ? apps[0] : undefined)
  if (!mayAct || filter.group !== undefined || pending === 0) return null
  return (
    <button
      type="button"
      disabled={app === undefined}
      title={app === undefined ? 'choose an app first: a command goes to one' : undefined}
      onClick={() => app !== undefined && onDo('redrive', { app, filter })}
    >
      <Icon name="undo" size={14} /> Redrive all that fit …
    </button>
  )
}

const periods = ['1h', '24h', '7d', '30d'] as const

function Filters({ withStatus }: { readonly withStatus: boolean }) {
  return (
    <div className="filter-row">
      <SearchField name="q" label="id, type, error" isFilter />
      <SearchField name="binding" label="binding" />
      <SearchSelect
        name="reason"
        label="cause"
        options={[['', 'every reason'], ...deadReasons.map((one) => [one, one] as const)]}
      />
      <SearchSelect
        name="since"
        label="died within"
        options={[['', 'any time'], ...periods.map((one) => [one, `last ${one}`] as const)]}
      />
      {withStatus && (
        <SearchSelect
          name="status"
          label="status"
          options={[
            ['', 'pending'],
            ...statuses.slice(1).map((one) => [one, one] as const),
            ['all', 'every status'],
          ]}
        />
      )}
    </div>
  )
}

function GroupHead({
  groups,
  fingerprint,
  onDo,
}: {
  readonly groups: readonly Group[]
  readonly fingerprint: string
  readonly onDo: (deed: Deed, target: Target) => void
}) {
  const group = groups.find((one) => one.fingerprint === fingerprint)
  const mayAct = useMayAct()
  const [search] = useSearch()
  const filter = filterOf(search)
  return (
    <section className="card card-body stack" aria-label="group">
      <div className="spread">
        <button
          type="button"
          className="quiet"
          onClick={() => setSearch({ fingerprint: undefined })}
        >
          <Icon name="left" size={14} /> all groups
        </button>
        <h2>{group?.top ?? `group ${fingerprint}`}</h2>
        <span className="push" />
        {mayAct && group && (
          <GroupDeeds group={group} onDo={(deed, one) => onDo(deed, targetOf(one, filter))} />
        )}
      </div>
      {group && (
        <div className="spread muted">
          <BindingLink name={group.binding} app={group.app} />
          <span>
            {group.class} · {group.reason}
          </span>
          <span>
            <b>{number(group.pending)}</b> pending of {number(group.entries)}
          </span>
          <span>
            first <Age at={group.firstAt} />, last <Age at={group.lastAt} />
          </span>
        </div>
      )}
    </section>
  )
}

function Nothing({ filter }: { readonly filter: DeadFilter }) {
  if (Object.keys(filter).length > 0) {
    return (
      <Empty title="No dead letter fits this filter">
        <Link to="/dead">Show all of them</Link>
      </Empty>
    )
  }
  return (
    <Empty title="No dead letters">
      A dispatch that has tried all it may, or that nothing can help, ends here until somebody
      redrives or discards it.
    </Empty>
  )
}
