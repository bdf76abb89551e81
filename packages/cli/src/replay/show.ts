import type { Cli } from '../cli.ts'
import { CliError } from '../error.ts'
import { exit, type ExitCode } from '../exit.ts'
import { dim, state } from '../output.ts'
import { count } from '../text.ts'
import { differencesText, divergenceText, momentText, stepsText } from '../view/replay.ts'
import { driftOf } from './against.ts'
import type { Divergence } from '@waybill/history'
import type { SliceStep } from './slice-replay.ts'
import type { Slice } from './slice.ts'

/** Every transition, each checked; then what the replay of the whole partition came to. */
export function showSteps(
  cli: Cli,
  slice: Slice,
  steps: readonly SliceStep[],
  divergence: Divergence | undefined,
): ExitCode {
  const broken = steps.find(({ differences }) => differences.length > 0)
  cli.out.show(dataOf(slice, steps, divergence), () => stepsText(steps))
  if (broken) {
    const at = broken.transition?.index
    cli.out.say(`${state('fail', `transition ${at} is not decided as it was recorded`)}`)
    cli.out.say(differencesText(broken.differences, 'replayed'))
  } else if (divergence) {
    cli.out.say(divergenceText(divergence))
  } else if (cli.out.format === 'table') {
    cli.out.say(
      `${state('ok', 'the same')}: ${count(steps.length, 'transition')} of ${slice.dispatch}`,
    )
  }
  return broken || divergence ? exit.diverged : exit.done
}

function dataOf(
  slice: Slice,
  steps: readonly SliceStep[],
  divergence: Divergence | undefined,
): object {
  return {
    dispatch: slice.dispatch,
    app: slice.id.app,
    slot: slice.id.slot,
    transitions: steps.map(({ entry, recorded, transition, effects, whole, differences }) => ({
      seq: entry.seq,
      bundle: entry.bundle,
      index: entry.index,
      at: recorded.at,
      input: recorded.input,
      transition,
      effects,
      whole,
      differences,
    })),
    diverged:
      steps.filter(({ differences }) => differences.length > 0).length + (divergence ? 1 : 0),
    ...(divergence ? { divergence } : {}),
  }
}

/** Time travel: what the dispatch was right after one of its transitions. */
export function showMoment(
  cli: Cli,
  slice: Slice,
  steps: readonly SliceStep[],
  at: number,
): ExitCode {
  const step = steps.find(({ transition }) => transition?.index === at)
  if (!step?.transition) {
    throw new CliError({
      code: 'WB4109',
      what: `${slice.dispatch} has no transition ${at}`,
      why: `it has ${count(steps.length, 'transition')}, from 0 on`,
      exitCode: exit.notFound,
    })
  }
  const { transition, recorded, effects, differences } = step
  const data = {
    dispatch: slice.dispatch,
    at: recorded.at,
    transition,
    input: recorded.input,
    effects,
    differences,
  }
  cli.out.show(data, () => momentText(transition, recorded.at))
  return differences.length > 0 ? exit.diverged : exit.done
}

/** What today's definition of its binding would have done: the first transition that differs. */
export async function showDrift(cli: Cli, slice: Slice, module: string): Promise<ExitCode> {
  const drift = await driftOf(slice, module)
  const { first, steps, binding, recorded, verdict } = drift
  cli.out.show(
    {
      dispatch: slice.dispatch,
      binding,
      recorded,
      verdict,
      drifted: first !== undefined,
      first,
      transitions: steps,
    },
    () =>
      first
        ? [
            `${state('fail', 'drift')} at transition ${first.transition}: recorded ${first.recorded ?? 'nothing'}, today ${first.today ?? 'nothing'}`,
            differencesText(first.differences, 'today'),
          ].join('\n')
        : `${state('ok', 'no drift')}: ${count(steps, 'transition')}, ${recorded} as it was and as it is today`,
  )
  if (cli.out.format === 'table') cli.out.say(dim(`verdict: ${verdict}`))
  return first ? exit.diverged : exit.done
}
