import type { Scenario } from './scenario.ts'
import { cluster } from './scenario/cluster.ts'
import { corrupt } from './scenario/corrupt.ts'
import { crashPoints } from './scenario/crash-points.ts'
import { durability } from './scenario/durability.ts'
import { killDispatcher } from './scenario/kill-dispatcher.ts'
import { killNats } from './scenario/kill-nats.ts'
import { diskFull, limits } from './scenario/limits.ts'
import { overload } from './scenario/overload.ts'
import { pause } from './scenario/pause.ts'
import { powerCut } from './scenario/power-cut.ts'
import { proxy } from './scenario/proxy.ts'
import { slowDisk } from './scenario/slow-disk.ts'

export const scenarios: Readonly<Record<string, Scenario>> = {
  'kill-dispatcher': killDispatcher,
  'kill-nats': killNats,
  'crash-points': crashPoints,
  pause,
  proxy,
  limits,
  'disk-full': diskFull,
  corrupt,
  'power-cut': powerCut('always'),
  'power-cut-default': powerCut('default'),
  overload,
  'cluster-kill': cluster('three servers: kill -9 of a leader under load', ['kill']),
  'cluster-pause': cluster('three servers: SIGSTOP of a leader for 12 s', ['pause']),
  'cluster-partition': cluster('three servers: a leader is cut off from the others', ['partition']),
  cluster: cluster('three servers: one of each fault', ['kill', 'pause', 'partition']),
  'slow-disk': slowDisk,
  durability,
}
