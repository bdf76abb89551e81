import type { Scenario } from './scenario.ts'
import { corrupt } from './scenario/corrupt.ts'
import { killDispatcher } from './scenario/kill-dispatcher.ts'
import { killNats } from './scenario/kill-nats.ts'
import { diskFull, limits } from './scenario/limits.ts'
import { overload } from './scenario/overload.ts'
import { pause } from './scenario/pause.ts'
import { powerCut } from './scenario/power-cut.ts'
import { proxy } from './scenario/proxy.ts'

export const scenarios: Readonly<Record<string, Scenario>> = {
  'kill-dispatcher': killDispatcher,
  'kill-nats': killNats,
  pause,
  proxy,
  limits,
  'disk-full': diskFull,
  corrupt,
  'power-cut': powerCut('always'),
  'power-cut-default': powerCut('default'),
  overload,
}
