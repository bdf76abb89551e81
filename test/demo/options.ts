import { parseArgs } from 'node:util'

export interface DemoOptions {
  /** Ingress, two dispatchers and the projector as processes of their own. */
  readonly processes: boolean
  readonly kill: 'dispatcher' | 'nats' | undefined
  readonly pause: 'dispatcher' | undefined
  /** One JSON line on stdout and nothing else. */
  readonly json: boolean
  /** Leaves the data folder where it is, and says where. */
  readonly keep: boolean
  readonly repeat: number
  /** Which acts: GitHub's payloads, limits with a destination that fails for a while, or both. */
  readonly acts: readonly (1 | 2)[]
}

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export function demoOptions(args: readonly string[]): DemoOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      processes: { type: 'boolean', default: false },
      kill: { type: 'string' },
      pause: { type: 'string' },
      json: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      repeat: { type: 'string', default: '1' },
      act: { type: 'string' },
    },
  })
  const { processes, json, keep } = values
  const kill = oneOf('--kill', values.kill, ['dispatcher', 'nats'])
  const pause = oneOf('--pause', values.pause, ['dispatcher'])
  if ((kill ?? pause) !== undefined && !processes) {
    throw new UsageError('--kill and --pause need --processes')
  }
  const repeat = Number(values.repeat)
  if (!Number.isInteger(repeat) || repeat < 1) throw new UsageError('--repeat takes a count from 1')
  const act = oneOf('--act', values.act, ['1', '2'])
  const acts = act === undefined ? ([1, 2] as const) : ([act === '1' ? 1 : 2] as const)
  return { processes, kill, pause, json, keep, repeat, acts }
}

function oneOf<Choice extends string>(
  flag: string,
  given: string | undefined,
  choices: readonly Choice[],
): Choice | undefined {
  if (given === undefined) return undefined
  const chosen = choices.find((choice) => choice === given)
  if (chosen === undefined)
    throw new UsageError(`${flag} takes ${choices.join(' or ')}, not ${given}`)
  return chosen
}
