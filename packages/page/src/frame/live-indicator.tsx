import { count, duration, number } from '../base/text.ts'
import { useNow } from '../base/now.ts'
import { useKeys } from '../base/keys.ts'
import { live, useLiveState } from '../live/live.ts'
import type { LiveState } from '../live/hub.ts'
import { conflateAbovePerSecond } from '../live/conflate.ts'
import { Icon } from '../ui/icon.tsx'

/** Connected, lost, paused or behind: what is seen is only as true as this says. */
export function LiveIndicator() {
  const state = useLiveState()
  const now = useNow()
  const { tone, text, why } = wordsOf(state, now)
  const turn = (): void => live.pause(!state.paused)
  useKeys([{ keys: 'Space', what: 'pause what is live, and go on', do: turn }])
  return (
    <div className="live" data-tone={tone} title={why}>
      <span className="live-dot" aria-hidden="true" />
      <span className="live-text" role="status">
        {text}
      </span>
      {state.link === 'open' && !state.paused && state.perSecond >= 1 && (
        <span className="live-rate muted" title="transitions a second">
          {number(Math.round(state.perSecond))}/s
          {state.perSecond > conflateAbovePerSecond ? ' · newest only' : ''}
        </span>
      )}
      <button
        type="button"
        className="icon-button"
        aria-pressed={state.paused}
        aria-label={state.paused ? 'go on live' : 'pause live'}
        title={`${state.paused ? 'go on live' : 'pause live'} (Space)`}
        onClick={turn}
      >
        <Icon name={state.paused ? 'play' : 'pause'} size={14} />
      </button>
    </div>
  )
}

interface Words {
  readonly tone: string
  readonly text: string
  readonly why: string
}

function wordsOf(state: LiveState, now: number): Words {
  const { link, paused, why = '', lostAt = now } = state
  if (link === 'connecting') return { tone: 'queued', text: 'connecting', why: '' }
  if (link === 'lost') {
    const since = now - lostAt < 1000 ? '' : ` ${duration(now - lostAt)}`
    return { tone: 'failed', text: `reconnecting${since}`, why }
  }
  if (paused) return { tone: 'held', text: 'paused', why: 'nothing on the page changes by itself' }
  return wordsOfServer(state)
}

/** Rows come a bundle or two after the journal whenever something happens: no news, only a flicker. */
const usuallyBehind = 10

function wordsOfServer({ status }: LiveState): Words {
  if (status?.connected === false) {
    const why = 'the dashboard runs, but its connection to NATS is down'
    return { tone: 'failed', text: 'server lost NATS', why }
  }
  if (status === undefined || status.behind <= usuallyBehind) {
    return { tone: 'done', text: 'live', why: 'connected, and the rows are those of the journal' }
  }
  const why = 'the rows that lists are made of lag behind the journal'
  return { tone: 'waiting', text: `${count(status.behind, 'message')} behind`, why }
}
