import type { WholeLimit } from '@waybill/api'
import type { RulePatch } from '@waybill/core'
import { useId, useState } from 'react'
import { ask } from '../../base/api.ts'
import {
  isLength,
  numberText,
  patchOf,
  ruleText,
  settable,
  settableLabels,
} from '../../base/rule.ts'
import { number } from '../../base/text.ts'
import { CommandDialog, type CommandResult, type CommandRun } from '../../ui/command.tsx'
import { Facts } from '../../ui/facts.tsx'

/** Other numbers for a limit while it is in force, or those that were deployed. */
export function SetDialog({
  limit: { limit, app, rule, deployed, override, waiting },
  onClose,
}: {
  readonly limit: WholeLimit
  readonly onClose: (done: boolean) => void
}) {
  const names = settable[rule.kind]
  const [typed, setTyped] = useState(() =>
    Object.fromEntries(names.map((name) => [name, numberText(rule, name)])),
  )
  const [reset, setReset] = useState(false)
  const { patch, wrong } = patchOf(rule, typed)
  const isChanged = Object.keys(patch).length > 0
  const isRight = Object.keys(wrong).length === 0
  // What was set before and is not touched now stays set.
  const whole = reset ? null : { ...override?.rule, ...patch }
  return (
    <CommandDialog
      title={`Change ${limit}`}
      verb={reset ? 'Reset to deployed' : 'Change'}
      blocked={reset ? undefined : blockedBy(isChanged, isRight)}
      run={(asked) => setRule({ app, limit, rule: whole }, asked)}
      onClose={onClose}
    >
      <Facts
        rows={[
          ['in force', ruleText(rule)],
          ['deployed', override && (deployed === undefined ? 'not known' : ruleText(deployed))],
          ['waiting now', number(waiting)],
        ]}
      />
      <fieldset className="bare fields-grid" disabled={reset}>
        <legend className="unseen">numbers</legend>
        {names.map((name) => (
          <NumberField
            key={name}
            label={`${settableLabels[name]}${isLength(name) ? ' (2s, 5m)' : ''}`}
            value={typed[name] ?? ''}
            wrong={reset ? undefined : wrong[name]}
            change={(text) => setTyped({ ...typed, [name]: text })}
          />
        ))}
      </fieldset>
      {override && (
        <label className="check">
          <input
            type="checkbox"
            checked={reset}
            onChange={({ target }) => setReset(target.checked)}
          />
          take back all that was set: what was deployed holds again
        </label>
      )}
    </CommandDialog>
  )
}

async function setRule(
  change: { readonly app: string; readonly limit: string; readonly rule: RulePatch },
  { reason, dryRun, signal }: CommandRun,
): Promise<CommandResult> {
  const { before, after, asOf } = await ask('flow.set', { ...change, reason, dryRun }, signal)
  const verb = dryRun ? 'would be' : 'is'
  return {
    count: 1,
    text: `${change.limit} ${verb}: ${ruleText(after)}. Before: ${ruleText(before)}.`,
    asOf,
  }
}

function blockedBy(isChanged: boolean, isRight: boolean): string | undefined {
  if (!isRight) return 'a number is not right'
  return isChanged ? undefined : 'nothing is changed yet'
}

function NumberField({
  label,
  value,
  wrong,
  change,
}: {
  readonly label: string
  readonly value: string
  readonly wrong: string | undefined
  readonly change: (text: string) => void
}) {
  const id = useId()
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        inputMode="numeric"
        value={value}
        aria-invalid={wrong !== undefined}
        aria-describedby={wrong === undefined ? undefined : `${id}-wrong`}
        onChange={({ target }) => change(target.value)}
      />
      {wrong !== undefined && (
        <span id={`${id}-wrong`} className="wrong">
          {wrong}
        </span>
      )}
    </div>
  )
}
