import type { DispatchState } from '@waybill/core'
import { Icon, type IconName } from './icon.tsx'

/** What a state looks like: tones are tokens of the style, icons tell it where colours are not seen. */
export type Tone = 'queued' | 'running' | 'waiting' | 'held' | 'done' | 'failed' | 'dead' | 'quiet'

interface Look {
  readonly icon: IconName
  readonly tone: Tone
  /** For who asks what it means. */
  readonly means: string
}

/** The one table of states, by the names that the log, the CLI and the API use. */
export const looks: Readonly<Record<DispatchState, Look>> = {
  received: { icon: 'circle', tone: 'queued', means: 'its event was read' },
  predicate: { icon: 'question', tone: 'queued', means: 'its predicate is being asked' },
  flowGated: { icon: 'gate', tone: 'held', means: 'a limit holds it' },
  attempting: { icon: 'play', tone: 'running', means: 'its handler runs' },
  retryWait: { icon: 'retry', tone: 'waiting', means: 'it pauses before the next attempt' },
  waiting: { icon: 'clock', tone: 'waiting', means: 'it waits for something outside' },
  succeeded: { icon: 'check', tone: 'done', means: 'its handler returned' },
  skipped: { icon: 'skip', tone: 'quiet', means: 'a predicate or a limit said no' },
  failed: { icon: 'cross', tone: 'failed', means: 'it failed, as its binding allows' },
  cancelled: { icon: 'stop', tone: 'quiet', means: 'somebody stopped it' },
  superseded: { icon: 'forward', tone: 'quiet', means: 'a newer one took its place' },
  dlq: { icon: 'skull', tone: 'dead', means: 'a dead letter: it needs somebody' },
}

export const dispatchStates = Object.keys(looks) as DispatchState[] // its own literal's keys
export const openStates: readonly DispatchState[] = dispatchStates.slice(0, 6)
export const isOpenState = (state: DispatchState): boolean => openStates.includes(state)

/** Other things that have a status: attempts, circuits, operations, verdicts, health. */
const statuses: Readonly<Record<string, readonly [IconName, Tone]>> = {
  completed: ['check', 'done'],
  ok: ['check', 'done'],
  done: ['check', 'done'],
  matched: ['check', 'done'],
  granted: ['check', 'done'],
  active: ['check', 'done'],
  leading: ['check', 'done'],
  closed: ['check', 'done'],
  intact: ['check', 'done'],
  ready: ['check', 'done'],
  current: ['check', 'done'],
  redriven: ['undo', 'done'],
  resolved: ['check', 'done'],
  running: ['play', 'running'],
  asking: ['question', 'queued'],
  asked: ['question', 'queued'],
  not_read: ['circle', 'queued'],
  opening: ['circle', 'queued'],
  scheduled: ['retry', 'waiting'],
  half_open: ['circuit', 'waiting'],
  handing_over: ['forward', 'waiting'],
  behind: ['clock', 'waiting'],
  rebuilding: ['retry', 'waiting'],
  'catching up': ['clock', 'waiting'],
  partial: ['warning', 'waiting'],
  warn: ['warning', 'waiting'],
  interrupted: ['warning', 'waiting'],
  deferred: ['clock', 'held'],
  paused: ['pause', 'held'],
  parked: ['pause', 'waiting'],
  suspended: ['pause', 'waiting'],
  draining: ['clock', 'waiting'],
  open: ['bolt', 'failed'],
  fail: ['cross', 'failed'],
  broken: ['cross', 'failed'],
  predicate_error: ['warning', 'failed'],
  refused: ['stop', 'quiet'],
  'not ready': ['cross', 'failed'],
  halted: ['stop', 'dead'],
  pending: ['skull', 'dead'],
  filtered: ['skip', 'quiet'],
  type_mismatch: ['minus', 'quiet'],
  duplicate: ['copy', 'quiet'],
  before_deploy: ['minus', 'quiet'],
  left: ['forward', 'quiet'],
  retired: ['minus', 'quiet'],
  discarded: ['minus', 'quiet'],
  expired: ['minus', 'quiet'],
}

export function lookOf(status: string): { readonly icon: IconName; readonly tone: Tone } {
  const look = (looks as Readonly<Record<string, Look | undefined>>)[status]
  if (look) return look
  const [icon, tone] = statuses[status] ?? ['circle', 'quiet']
  return { icon, tone }
}

/** Icon, word and colour: never colour alone. */
export function State({
  state,
  detail,
  text = state,
  plain = false,
}: {
  readonly state: string
  /** Behind a colon: `dlq: permanent`. */
  readonly detail?: string | undefined
  /** Instead of its own name. */
  readonly text?: string
  /** Without its plate, in dense places. */
  readonly plain?: boolean
}) {
  const { icon, tone } = lookOf(state)
  const means = (looks as Readonly<Record<string, Look | undefined>>)[state]?.means
  return (
    <span className={`state ${plain ? 'state-plain' : ''}`} data-tone={tone} title={means}>
      <Icon name={icon} size={13} />
      <span>
        {text}
        {detail === undefined ? '' : `: ${detail}`}
      </span>
    </span>
  )
}
