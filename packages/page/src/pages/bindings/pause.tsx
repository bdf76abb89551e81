import { ask } from '../../base/api.ts'
import { CommandDialog, type CommandResult, type CommandRun } from '../../ui/command.tsx'

export interface Order {
  readonly deed: 'pause' | 'resume'
  readonly app: string
  /** Absent: the whole app. */
  readonly binding?: string
}

const means = {
  pause: 'Starts nothing more. What comes is held in order; what runs goes on.',
  resume: 'Goes on, with what was held first, in its order.',
} as const

export function PauseDialog({
  order: { deed, app, binding },
  held,
  onClose,
}: {
  readonly order: Order
  readonly held?: number | undefined
  readonly onClose: (done: boolean) => void
}) {
  const named = binding ?? `all of ${app}`
  const verb = deed === 'pause' ? 'Pause' : 'Resume'
  const run = async ({ reason, dryRun, signal }: CommandRun): Promise<CommandResult> => {
    const asked = { app, reason, dryRun, ...(binding !== undefined && { binding }) }
    const { change, asOf } = await ask(`binding.${deed}`, asked, signal)
    const which =
      change === undefined ? '' : ` It is change ${change}; every partition takes it in its turn.`
    return {
      count: 1,
      text: `${named} ${dryRun ? 'would be' : 'is'} ${deed}d.${which}`,
      asOf,
    }
  }
  return (
    <CommandDialog title={`${verb} ${named}`} verb={verb} run={run} onClose={onClose}>
      <p className="muted">{means[deed]}</p>
      {deed === 'resume' && held !== undefined && (
        <dl className="facts">
          <dt>held now</dt>
          <dd>{held} events</dd>
        </dl>
      )}
    </CommandDialog>
  )
}
