import {
  placeOf,
  type HostedApp,
  type Manifest,
  type Place,
  type WaybillEvent,
} from '@waybill/core'
import { sha256 } from '@waybill/log'

export type Placed =
  | { readonly ok: true; readonly limits: Place[] | undefined }
  | { readonly ok: false; readonly reason: string }

export interface Door {
  readonly app: HostedApp<AbortSignal>
  readonly slots: number
}

/**
 * Where the ledgers of a binding's limits are for this event. Undefined: only code that is not here
 * can tell a key.
 */
export function placesFor(
  { app, slots }: Door,
  binding: Manifest,
  event: WaybillEvent,
  bytes: number,
): Placed | undefined {
  const limits = binding.flow?.limits
  if (!limits) return { ok: true, limits: undefined }
  const keyed = limits.some(({ key }) => key !== undefined)
  const told = keyed ? keysOf(app, binding, event) : { ok: true as const, keys: [] }
  if (!told?.ok) return told
  const placing = { hash: sha256, slots, binding: binding.id, tenant: event.tenant }
  return {
    ok: true,
    limits: limits.map((limit, at) => {
      const place = placeOf(limit, told.keys[at], placing)
      return limit.rule.kind === 'batch' ? { ...place, bytes } : place
    }),
  }
}

function keysOf(app: Door['app'], binding: Manifest, event: WaybillEvent) {
  if (!app.keys) return { ok: false as const, reason: `${app.name} tells no keys` }
  return app.keys(binding, event)
}
