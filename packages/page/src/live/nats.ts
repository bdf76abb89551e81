import type { LiveBundle } from '@waybill/core'
import { wsconnect } from '@nats-io/nats-core'
import type { LiveEar, LiveSource } from './source.ts'

/** With credentials that may read `<prefix>.live.>` and nothing else. */
export interface NatsPlace {
  /** `ws://127.0.0.1:8443` */
  readonly servers: readonly string[]
  readonly user?: string
  readonly pass?: string
  readonly prefix: string
}

type Connection = Awaited<ReturnType<typeof wsconnect>>

/** How often a server is asked whether it is still there; two silent ones are a lost link. */
const pingMs = 5_000

/**
 * NATS over WebSocket: a hop less than server-sent events, for trusted operators. Nothing is
 * stored on these subjects, so whatever was said while the link was down is read anew.
 */
export function natsSource({ servers, user, pass, prefix }: NatsPlace): LiveSource {
  return {
    open(ear) {
      let connection: Connection | undefined
      let isClosed = false
      wsconnect({
        servers: [...servers],
        ...(user !== undefined && { user }),
        ...(pass !== undefined && { pass }),
        name: 'waybill-page',
        inboxPrefix: `_INBOX_dash`,
        maxReconnectAttempts: -1,
        waitOnFirstConnect: true,
        pingInterval: pingMs,
        maxPingOut: 2,
      }).then(
        (made) => {
          connection = made
          if (isClosed) return made.close()
          ear.link('open')
          void tellStatus(made, ear)
          return hear(made, prefix, ear)
        },
        (thrown: unknown) => ear.link('lost', String(thrown)),
      )
      return () => {
        isClosed = true
        void connection?.close()
      }
    },
  }
}

async function hear(connection: Connection, prefix: string, ear: LiveEar): Promise<void> {
  for await (const message of connection.subscribe(`${prefix}.live.>`)) {
    ear.bundle(message.json<LiveBundle>())
  }
}

async function tellStatus(connection: Connection, ear: LiveEar): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === 'disconnect') ear.link('lost', 'the connection to NATS broke off')
    // Coming back counts as a reset for whoever listens: the hub reads anew.
    if (status.type === 'reconnect') ear.link('open')
    if (status.type === 'error') ear.link('lost', String(status.error))
  }
}
