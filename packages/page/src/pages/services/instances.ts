import type { PartitionRow, ResponseOf } from '@waybill/api'

export type Health = ResponseOf<'service.health'>
export type ProjectionAnswer = ResponseOf<'projection.status'>
export type Stream = ResponseOf<'stream.list'>['streams'][number]

/** By what they are, then by name: the order in which events pass them. */
const order = ['ingress', 'dispatcher', 'projector', 'dashboard']

export const instancesOf = (answers: readonly Health[]): readonly Health[] =>
  answers.toSorted(
    (a, b) =>
      rankOf(a.service) - rankOf(b.service) ||
      compare(a.service, b.service) ||
      compare(a.instance, b.instance),
  )

const rankOf = (service: string): number => {
  const at = order.indexOf(service)
  return at === -1 ? order.length : at
}
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** What has stopped comes first: somebody has to look at it. */
export const partitionsOf = (
  answers: readonly ResponseOf<'partition.status'>[],
): readonly PartitionRow[] =>
  answers
    .flatMap(({ partitions }) => partitions)
    .sort(
      (a, b) =>
        Number(b.state === 'halted') - Number(a.state === 'halted') ||
        compare(a.partition.app, b.partition.app) ||
        a.partition.generation - b.partition.generation ||
        a.partition.slot - b.partition.slot,
    )

/** Slots that nobody has said that he leads, of each app whose others somebody does. */
export function orphansOf(rows: readonly PartitionRow[]): readonly string[] {
  const byGeneration = Map.groupBy(
    rows,
    ({ partition: { app, generation } }) => `${app} g${generation}`,
  )
  const slots = Math.max(0, ...rows.map(({ partition }) => partition.slot + 1))
  return [...byGeneration].flatMap(([name, some]) => {
    const led = new Set(some.map(({ partition }) => partition.slot))
    const missing = Array.from({ length: slots }, (_, at) => at).filter((at) => !led.has(at))
    return missing.map((slot) => `${name} slot ${slot}`)
  })
}

/** The furthest position of what it reads of each stream: `EVENTS_g1 59`. */
export const positionsText = ({ positions }: Pick<PartitionRow, 'positions'>): string =>
  Object.entries(positions)
    .sort(([a], [b]) => compare(a, b))
    .map(([stream, { seq }]) => `${stream} ${seq}`)
    .join(', ')

/** In binary units, as disks are filled. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let at = 0
  while (value >= 1024 && at < units.length - 1) {
    value /= 1024
    at += 1
  }
  return `${at === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[at]}`
}
