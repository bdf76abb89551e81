import type { Transition } from '@waybill/core'
import { bold, dim, fields, state, style, table } from '../output.ts'
import { clip, clock, duration, iso } from '../text.ts'
import type { Difference, Divergence } from '@waybill/history'
import type { SliceStep } from '../replay/slice-replay.ts'

/** Every transition with what came in, where it led, what it asked for, and whether it holds. */
export function stepsText(steps: readonly SliceStep[]): string {
  return table(
    steps.map((step, at) => ({
      step,
      sinceMs: step.recorded.at - (steps[at - 1]?.recorded.at ?? step.recorded.at),
    })),
    [
      { title: '#', of: ({ step }) => String(step.transition?.index ?? ''), align: 'right' },
      { title: 'TIME', of: ({ step }) => clock(step.recorded.at) },
      { title: '+', of: ({ sinceMs }) => dim(duration(sinceMs)), align: 'right' },
      { title: 'EVENT', of: ({ step }) => step.transition?.event.type ?? 'quarantined' },
      { title: 'STATE', of: ({ step }) => stateOf(step) },
      {
        title: 'EFFECTS',
        of: ({ step }) => step.effects.map(({ kind }) => kind).join(', ') || dim('none'),
      },
      { title: 'CHECKED', of: ({ step }) => checked(step) },
    ],
  )
}

function stateOf({ transition }: SliceStep): string {
  if (!transition) return `· → ${state('dlq')}`
  return `${transition.from ?? '·'} → ${state(transition.to)}`
}

const checked = ({ differences, whole }: SliceStep): string =>
  differences.length > 0
    ? state('fail', 'differs')
    : state('ok', whole ? 'the same bytes' : 'the same transition')

/** The first difference, field by field: recorded against decided today. */
export function differencesText(differences: readonly Difference[], today: string): string {
  return differences
    .map(({ path, recorded, replayed }) =>
      [
        `  ${bold(path === '' ? 'the whole' : path)}`,
        `    ${style('red', `- recorded  ${valueText(recorded)}`)}`,
        `    ${style('green', `+ ${today.padEnd(8)}  ${valueText(replayed)}`)}`,
      ].join('\n'),
    )
    .join('\n')
}

const valueText = (value: unknown): string =>
  value === undefined ? 'nothing' : clip(JSON.stringify(value, plainly), 200)

const plainly = (_key: string, value: unknown): unknown =>
  value instanceof Uint8Array ? `${value.length} bytes` : value

export function divergenceText({
  place,
  at,
  input,
  dispatch,
  transition,
  differences,
}: Divergence): string {
  const where = dispatch === undefined ? '' : `, transition ${transition} of ${dispatch}`
  return [
    `${state('fail', 'diverged')} at bundle ${place.bundle} (sequence ${place.seq}), entry ${place.entry}, input ${input}${where}, ${iso(at)}`,
    differencesText(differences, 'replayed'),
  ].join('\n')
}

/** What a dispatch was, right after one of its transitions. */
export function momentText(transition: Transition, at: number): string {
  const { record, event, via } = transition
  const timers = Object.entries(record.timers).filter(([, due]) => due !== undefined)
  return [
    `${bold(transition.dispatch)} after transition ${transition.index}, ${iso(at)}`,
    fields([
      ['state', state(record.state)],
      ['by', event.type],
      ['via', via.join(', ')],
      ['attempt', `${record.attempt} (${record.spent} count)`],
      ['awaits', record.effect],
      ['waits for', record.waitFor],
      ['timers', timers.map(([name, due]) => `${name} ${clock(due ?? 0)}`).join(', ') || undefined],
      [
        'error',
        record.error && `${record.error.class}: ${record.error.name}: ${record.error.message}`,
      ],
      ['outcome', record.outcome && JSON.stringify(record.outcome)],
      ['epoch', String(record.epoch)],
    ]),
  ].join('\n')
}
