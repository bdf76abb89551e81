import { useId, useState } from 'react'
import { ask } from '../../base/api.ts'
import { moment, parseDuration } from '../../base/text.ts'
import { CommandDialog, type CommandResult, type CommandRun } from '../../ui/command.tsx'
import { Facts } from '../../ui/facts.tsx'
import { type Circuit, type CircuitLimit, nameOf } from './circuit-rows.ts'

export type Deed = 'open' | 'close' | 'probe'

/** Without a circuit: one that is healthy now, so nobody lists it. */
export interface Meant {
  readonly do: Deed
  readonly circuit?: Circuit
}

const about: { readonly [K in Deed]: string } = {
  open: 'Turns dispatches back, until it is closed by hand or the time is over.',
  close: 'Lets dispatches through again, step by step.',
  probe: 'Lets one dispatch try now; how it ends decides.',
}
const verbs: { readonly [K in Deed]: string } = { open: 'Open', close: 'Close', probe: 'Probe' }

interface Target {
  readonly app: string
  readonly limit: string
  readonly key: string
  readonly tenant: string
}

export function SwitchDialog({
  meant,
  limits,
  onClose,
}: {
  readonly meant: Meant
  readonly limits: readonly CircuitLimit[]
  readonly onClose: (done: boolean) => void
}) {
  const { do: deed, circuit } = meant
  const [target, setTarget] = useState<Target>(circuit ?? targetIn(limits))
  const [lasting, setLasting] = useState('')
  const forMs = deed === 'open' ? parseDuration(lasting) : undefined
  const isLasting = lasting === '' || (forMs ?? 0) > 0
  return (
    <CommandDialog
      title={`${verbs[deed]} ${circuit ? nameOf(circuit) : 'a circuit'}`}
      verb={verbs[deed]}
      danger={deed === 'open'}
      blocked={blockedBy(target, isLasting)}
      run={(asked) => switchCircuit(deed, target, forMs, asked)}
      onClose={onClose}
    >
      <p className="muted">{about[deed]}</p>
      {circuit ? (
        <Facts
          rows={[
            ['now', circuit.state],
            ['tenant', circuit.tenant],
          ]}
        />
      ) : (
        <TargetFields limits={limits} target={target} change={setTarget} />
      )}
      {deed === 'open' && <Lasting value={lasting} isRight={isLasting} change={setLasting} />}
    </CommandDialog>
  )
}

function targetIn([first]: readonly CircuitLimit[]): Target {
  return { app: first?.app ?? '', limit: first?.limit ?? '', key: '', tenant: 'default' }
}

function blockedBy({ key }: Target, isLasting: boolean): string | undefined {
  if (key === '') return 'which destination?'
  return isLasting ? undefined : 'the length of time is not right'
}

async function switchCircuit(
  deed: Deed,
  { app, limit, key, tenant }: Target,
  forMs: number | undefined,
  { reason, dryRun, signal }: CommandRun,
): Promise<CommandResult> {
  const lasts = forMs !== undefined && { forMs }
  const asked = { app, limit, key, tenant, do: deed, reason, dryRun, ...lasts }
  const { state, until, ledger, slot, asOf } = await ask('circuit.set', asked, signal)
  const named = nameOf({ limit, key })
  const ends = until === undefined ? '' : ` until ${moment(until, Date.now())}`
  const would = `would ${deed} ${named}, in slot ${slot} (${ledger}).`
  return { count: 1, text: dryRun ? would : `${named} is ${state ?? 'as it was'}${ends}.`, asOf }
}

function TargetFields({
  limits,
  target,
  change,
}: {
  readonly limits: readonly CircuitLimit[]
  readonly target: Target
  readonly change: (target: Target) => void
}) {
  const ids = [useId(), useId(), useId()]
  return (
    <div className="fields-grid">
      <div className="field">
        <label htmlFor={ids[0]}>limit</label>
        <select
          id={ids[0]}
          value={`${target.app} ${target.limit}`}
          onChange={({ target: { value } }) => {
            const [app = '', limit = ''] = value.split(' ')
            change({ ...target, app, limit })
          }}
        >
          {limits.map(({ app, limit }) => (
            <option key={`${app} ${limit}`} value={`${app} ${limit}`}>
              {limit} ({app})
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <label htmlFor={ids[1]}>destination, as the binding computes it</label>
        <input
          id={ids[1]}
          value={target.key}
          onChange={({ target: { value } }) => change({ ...target, key: value })}
        />
      </div>
      <div className="field">
        <label htmlFor={ids[2]}>tenant</label>
        <input
          id={ids[2]}
          value={target.tenant}
          onChange={({ target: { value } }) => change({ ...target, tenant: value })}
        />
      </div>
    </div>
  )
}

function Lasting({
  value,
  isRight,
  change,
}: {
  readonly value: string
  readonly isRight: boolean
  readonly change: (text: string) => void
}) {
  const id = useId()
  return (
    <div className="field">
      <label htmlFor={id}>for how long (5m, 2h); empty: until it is closed by hand</label>
      <input
        id={id}
        value={value}
        aria-invalid={!isRight}
        aria-describedby={isRight ? undefined : `${id}-wrong`}
        onChange={({ target }) => change(target.value)}
      />
      {!isRight && (
        <span id={`${id}-wrong`} className="wrong">
          a length of time, as in 30s, 5m or 2h
        </span>
      )}
    </div>
  )
}
