import { randomUUID } from 'node:crypto'
import type { NatsConnection } from '@nats-io/nats-core'
import { createKeeper, systemClock } from '@waybill/engine'
import { openLeases, subjects, type Topology } from '@waybill/log'
import {
  deathsWithin,
  died,
  type Folded,
  type Projector,
  type RowStore,
} from '@waybill/projections'
import type { Metrics, Scope } from '@waybill/service'
import type { ProjectorConfig } from '../config.ts'
import { type AlertNews, createAlerter } from './alerter.ts'
import { createPublish, createWebhook, type Send } from './send.ts'
import { alertsKey, alertState, type Due, type Target } from './state.ts'

/** A keeper that is not heard for so long has ended, or cannot reach the server. */
const silentMs = 30_000

interface Parts {
  readonly nc: NatsConnection
  readonly config: ProjectorConfig
  readonly topology: Topology
  readonly store: Pick<RowStore, 'db'>
  readonly metrics: Metrics
  readonly projector: Projector
  /** ISO 8601, of the journal's stream. */
  readonly createdAt: string
}

/** Alerts of dead letters, if any are wanted. Answers what is to be told of each fold. */
export async function openAlerts(
  scope: Scope,
  { nc, config, topology, store, metrics, projector, createdAt }: Parts,
): Promise<(folded: Folded) => void> {
  const senders = sendersOf(nc, config, topology)
  if (Object.keys(senders).length === 0) return () => undefined
  const alerter = createAlerter({
    keeper: createKeeper({
      leases: await scope.use(openLeases({ nc, topology }), 'alert state'),
      clock: systemClock,
      key: alertsKey(topology.generation),
      schema: alertState,
      me: { instance: config.instance, incarnation: randomUUID() },
      silentMs,
    }),
    clock: systemClock,
    coolDownMs: config.alertCoolDownMs,
    senders,
    journal: {
      createdAt,
      horizon: projector.horizon,
      applied: () => projector.status().applied,
      deathsWithin: (range) => deathsWithin(store.db, range),
    },
    onNews: createNews(scope, metrics),
  })
  scope.run('alerts', alerter.run)
  return ({ bundles }) => {
    const moves = bundles.flatMap(({ entries }) => entries.flatMap((one) => one.moves))
    if (moves.some(died)) alerter.poke()
  }
}

function sendersOf(
  nc: NatsConnection,
  { alertWebhookUrl: url, alertWebhookSecret: secret, alertNats }: ProjectorConfig,
  topology: Topology,
): Partial<Record<Target, Send>> {
  return {
    ...(url !== undefined && secret !== undefined && { webhook: createWebhook(url, secret) }),
    ...(alertNats && { nats: createPublish(nc, subjects(topology)) }),
  }
}

/** Counted, and said where it is decided. */
function createNews({ log }: Scope, metrics: Metrics): (news: AlertNews) => void {
  const sent = metrics.counter('waybill_alerts_sent_total', 'Alerts that arrived')
  const failed = metrics.counter('waybill_alerts_failed_total', 'Tries to send one that failed')
  const givenUp = metrics.counter('waybill_alerts_given_up_total', 'Alerts that never arrived')
  const heldBack = metrics.counter(
    'waybill_alerts_held_back_total',
    'Dead letters that a cool-down held back until its end',
  )
  const left = metrics.counter(
    'waybill_alerts_left_out_total',
    'Dead letters of more groups at once than there is room for',
  )
  return (news) => {
    switch (news.kind) {
      case 'sent':
        sent.add({ to: news.due.to })
        return log.info(fieldsOf(news.due), 'alert sent')
      case 'failed':
        failed.add({ to: news.due.to })
        return log.warn({ ...fieldsOf(news.due), why: news.why }, 'an alert did not arrive')
      case 'given_up':
        givenUp.add({ to: news.due.to })
        return log.error(fieldsOf(news.due), 'an alert is given up')
      case 'held_back':
        return heldBack.add({}, news.entries)
      case 'left':
        left.add({}, news.entries)
        return log.error({ entries: news.entries }, 'too many groups at once: no alert of these')
      case 'trouble':
        return log.warn({ err: news.cause }, 'alerts wait: their state is out of reach')
      default:
        return news satisfies never
    }
  }
}

const fieldsOf = ({ to, notice }: Due) => {
  const { id, app, binding, fingerprint, entries, heldBack } = notice
  return { to, alert: id, app, binding, fingerprint, entries, heldBack }
}
