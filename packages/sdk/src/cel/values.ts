import type { Plain, PlainMap, WaybillEvent } from '@waybill/core'
import type { Uses } from './inspect.ts'
import { dyn, fieldOf, type Shape } from './shape.ts'

/** What CEL computes with: integers are bigints, the other numbers doubles, times dates. */
export type CelValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Date
  | CelValue[]
  | { [key: string]: CelValue }

/**
 * The parts of the event that an expression reads, converted. Only those: a webhook has a thousand
 * values and a filter looks at three. `data` says which numbers are integers; where it doesn't
 * know, the number itself does.
 */
export function celEvent(event: WaybillEvent, uses: Uses, data: Shape): CelValue {
  const { time, receivedAt, ...rest } = event
  const seen = convertMap(rest as unknown as PlainMap, uses, {
    kind: 'object',
    fields: new Map([['data', data]]),
    open: true,
  })
  if (uses.whole || uses.fields.has('time')) seen['time'] = new Date(time)
  if (uses.whole || uses.fields.has('receivedAt')) seen['receivedAt'] = new Date(receivedAt)
  return seen
}

function convert(value: Plain, uses: Uses | undefined, shape: Shape): CelValue {
  if (typeof value === 'number') return number(value, shape)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  if (!Array.isArray(value)) return convertMap(value, uses, shape)
  const item = shape.kind === 'list' ? shape.item : dyn
  return value.map((one) => convert(one, undefined, item))
}

function number(value: number, { kind }: Shape): number | bigint {
  return kind !== 'double' && Number.isSafeInteger(value) ? BigInt(value) : value
}

function convertMap(
  value: PlainMap,
  uses: Uses | undefined,
  shape: Shape,
): Record<string, CelValue> {
  // Without a prototype, so no name in the data or the expression can reach one.
  const result: Record<string, CelValue> = Object.create(null) as Record<string, CelValue>
  const wanted = uses === undefined || uses.whole ? Object.keys(value) : uses.fields.keys()
  for (const name of wanted) {
    const one = Object.hasOwn(value, name) ? value[name] : undefined
    if (one === undefined) continue
    const below = uses?.fields.get(name)
    result[name] = convert(
      one,
      uses?.whole === true ? undefined : below,
      fieldOf(shape, name) ?? dyn,
    )
  }
  return result
}
