import { isToken } from '@waybill/core'

/** Keys are tokens separated by dots, `slot.1.billing.3`; anything else is our own bug. */
export function leaseKey(key: string): string {
  if (key.split('.').every(isToken)) return key
  throw new RangeError(`not a lease key: ${JSON.stringify(key.slice(0, 80))}`)
}

export function underPrefix(prefix: string): (key: string) => boolean {
  if (prefix === '') return () => true
  const start = `${leaseKey(prefix)}.`
  return (key) => key.startsWith(start)
}
