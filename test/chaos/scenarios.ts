import type { Scenario } from './scenario.ts'
import { killDispatcher } from './scenario/kill-dispatcher.ts'
import { killNats } from './scenario/kill-nats.ts'
import { pause } from './scenario/pause.ts'
import { proxy } from './scenario/proxy.ts'

export const scenarios: Readonly<Record<string, Scenario>> = {
  'kill-dispatcher': killDispatcher,
  'kill-nats': killNats,
  pause,
  proxy,
}
