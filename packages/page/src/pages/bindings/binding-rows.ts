import { type PartitionRow, type Pause, pauseOf, type ResponseOf } from '@waybill/api'

export type Version = ResponseOf<'binding.list'>['bindings'][number]

/** A binding with all its versions, newest first. */
export interface Binding {
  readonly app: string
  readonly id: string
  /** What new events start; undefined: none any more. */
  readonly active?: Version
  readonly versions: readonly Version[]
  readonly pause?: Pause
  /** Dispatches of any version that have not ended. */
  readonly open: number
}

export const idOf = (key: string): string => key.slice(0, key.lastIndexOf('@'))

export function bindingsOf(
  rows: readonly Version[],
  partitions: readonly PartitionRow[],
): readonly Binding[] {
  const byName = Map.groupBy(rows, ({ app, key }) => `${app} ${idOf(key)}`)
  return [...byName]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, some]) => {
      const versions = some.toSorted((a, b) => b.manifest.version - a.manifest.version)
      const [newest] = versions
      if (newest === undefined) return []
      const active = versions.find(({ state }) => state === 'active')
      const pause = active && pauseOf(active, partitions)
      return [
        {
          app: newest.app,
          id: idOf(newest.key),
          versions,
          open: versions.reduce((sum, { open }) => sum + open, 0),
          ...(active && { active }),
          ...(pause && { pause }),
        },
      ]
    })
}

/** In one word: what new events meet. */
export function stateOf({ active, pause, versions }: Binding): string {
  if (pause?.pause) return 'paused'
  if (pause) return 'catching up'
  return active ? 'active' : (versions[0]?.state ?? 'retired')
}

/** The pause of a whole app, as any of its partitions tells. */
export const appPause = (
  app: string,
  partitions: readonly PartitionRow[],
): Pause['pause'] | undefined =>
  partitions
    .filter(({ partition }) => partition.app === app)
    .flatMap(({ pauses }) => pauses)
    .find(({ binding, pause }) => binding === undefined && pause)?.pause
