import { decode, encode, token } from '@waybill/core'
import { z } from 'zod'

/** A process that may own partitions. */
export const member = z.strictObject({
  instance: token,
  /** Random for every start of the process. */
  incarnation: token,
  /** Epoch ms; a member that has not renewed by then is gone. */
  until: z.int().nonnegative(),
})
export type Member = z.infer<typeof member>

/** Who should write a partition's journal. Whether it may, the journal's compare-and-set decides. */
export const lease = member.extend({
  /** 0 until the partition is open. */
  epoch: z.int().nonnegative(),
})
export type Lease = z.infer<typeof lease>

export const encodeMember = (value: Member): Uint8Array => encode(value)
export const decodeMember = (bytes: Uint8Array): Member => member.parse(decode(bytes))
export const encodeLease = (value: Lease): Uint8Array => encode(value)
export const decodeLease = (bytes: Uint8Array): Lease => lease.parse(decode(bytes))

export const memberKeys = (app: string): string => `member.${app}`
export const memberKey = (app: string, instance: string): string => `member.${app}.${instance}`
export const slotKeys = (generation: number, app: string): string => `slot.${generation}.${app}`
export const slotKey = (generation: number, app: string, slot: number): string =>
  `slot.${generation}.${app}.${slot}`

export interface View {
  readonly slots: number
  /** As last seen, living or not. */
  readonly members: readonly Member[]
  readonly leases: ReadonlyMap<number, Lease>
  readonly me: Pick<Member, 'instance' | 'incarnation'>
  /** I hold the lock file of my instance name, so a lease of an earlier incarnation is nobody's. */
  readonly locked: boolean
  readonly now: number
}

/** What to do next: one slot at a time, so every host sees the effect of the move before. */
export interface Move {
  readonly acquire?: number
  readonly release?: number
}

/**
 * Fair share, sticky. Every member plays the same game on paper: free slots go to whoever has
 * fewest (among equals to the one who had it last), then the richest gives to the poorest until
 * they differ by one at most. I make the first of the moves that are mine. Members who see the same
 * take different slots; those who don't are sorted out by the revision of the lease.
 */
export function plan(view: View): Move {
  const back = takenBack(view)
  if (back !== undefined) return { acquire: back }
  const share = sharesOf(view)
  const mine = share.get(view.me.instance)
  for (const slot of freeSlots(view)) {
    const poorest = poorestOf(share, view.leases.get(slot)?.instance)
    poorest.add(slot)
    if (poorest === mine) return { acquire: slot }
  }
  for (;;) {
    const poorest = poorestOf(share)
    const richest = richestOf(share)
    if (richest.size - poorest.size < 2) return {}
    const slot = Math.max(...richest)
    if (richest === mine) return { release: slot }
    richest.delete(slot)
    poorest.add(slot)
  }
}

/** A live lease of an earlier incarnation of mine, whose death the lock file proves. */
function takenBack({ leases, me, locked, now, slots }: View): number | undefined {
  if (!locked) return undefined
  for (const [slot, { instance, incarnation, until }] of leases) {
    if (slot >= slots || until <= now) continue
    if (instance === me.instance && incarnation !== me.incarnation) return slot
  }
  return undefined
}

/** Living members, by name, with the slots they hold. I am one of them, whatever is written. */
function sharesOf({ members, leases, me, now }: View): Map<string, Set<number>> {
  const names = new Set([me.instance])
  for (const { instance, until } of members) if (until > now) names.add(instance)
  const share = new Map([...names].sort().map((name) => [name, new Set<number>()]))
  for (const [slot, held] of leases) {
    if (isMine(held, me) || held.until > now) share.get(held.instance)?.add(slot)
  }
  return share
}

/** A lapsed lease of my own is still my work: only a conflict tells me that it is not. */
function freeSlots({ slots, leases, me, now }: View): readonly number[] {
  const free: number[] = []
  for (let slot = 0; slot < slots; slot++) {
    const held = leases.get(slot)
    if (!held || (held.until <= now && !isMine(held, me))) free.push(slot)
  }
  return free
}

export const isMine = (held: Pick<Member, 'instance' | 'incarnation'>, me: View['me']): boolean =>
  held.instance === me.instance && held.incarnation === me.incarnation

type Shares = ReadonlyMap<string, Set<number>>

function poorestOf(share: Shares, before?: string): Set<number> {
  let poorest = before === undefined ? undefined : share.get(before)
  const fewest = Math.min(...[...share.values()].map(({ size }) => size))
  if (poorest?.size !== fewest) poorest = [...share.values()].find(({ size }) => size === fewest)
  if (!poorest) throw new Error('a plan needs a member')
  return poorest
}

function richestOf(share: Shares): Set<number> {
  const [first, ...rest] = share.values()
  if (!first) throw new Error('a plan needs a member')
  return rest.reduce((richest, next) => (next.size > richest.size ? next : richest), first)
}
