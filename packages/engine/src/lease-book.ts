import type { LeaseChange, LeaseStore } from '@waybill/log'
import { sleepUntil, type Clock } from './clock.ts'
import { DuplicateInstance } from './fault.ts'
import {
  decodeLease,
  decodeMember,
  encodeLease,
  encodeMember,
  isMine,
  memberKey,
  memberKeys,
  slotKey,
  slotKeys,
  type Lease,
  type Member,
  type View,
} from './lease.ts'

export interface LeaseBookPorts {
  readonly leases: LeaseStore
  readonly app: string
  readonly generation: number
  readonly slots: number
  readonly instance: string
  readonly incarnation: string
  /** The lock file of this instance name is held: whoever had the name before is dead. */
  readonly locked: boolean
  readonly leaseMs: number
  readonly clock: Clock
}

/** A member that was silent for so many leases does not come back under its old key. */
const goneAfterLeases = 100

interface Held {
  revision: number
  epoch: number
  /** Writes of one lease follow each other, so none is refused because of our own. */
  writing: Promise<unknown>
}

/** What the bucket says about members and slots, and this host's own lines in it. */
export class LeaseBook {
  readonly #ports: LeaseBookPorts
  readonly #me: View['me']
  readonly #members = new Map<string, { readonly member: Member; readonly revision: number }>()
  readonly #leases = new Map<number, { readonly lease: Lease; readonly revision: number }>()
  readonly #held = new Map<number, Held>()
  #memberRevision = 0

  constructor(ports: LeaseBookPorts) {
    const { instance, incarnation } = ports
    this.#ports = ports
    this.#me = { instance, incarnation }
  }

  get held(): readonly number[] {
    return [...this.#held.keys()]
  }

  view(): View {
    const { slots, locked, clock } = this.#ports
    const leases = new Map(
      [...this.#leases].map(([slot, { lease }]) => [slot, this.#seen(slot, lease)]),
    )
    const members = [...this.#members.values()].map(({ member }) => member)
    return { slots, locked, members, leases, me: this.#me, now: clock.now() }
  }

  /** One of mine that was given up and could not be taken out of the bucket is nobody's. */
  #seen(slot: number, lease: Lease): Lease {
    const isGiven = isMine(lease, this.#me) && !this.#held.has(slot)
    return isGiven ? { ...lease, incarnation: 'given', until: 0 } : lease
  }

  get hasOthers(): boolean {
    const { members, me, now } = this.view()
    return members.some(({ instance, until }) => instance !== me.instance && until > now)
  }

  /** When the next member or lease lapses, unless it is renewed. */
  nextLapse(): number | undefined {
    const { members, leases, now } = this.view()
    const untils = [...members, ...leases.values()].map(({ until }) => until)
    const ahead = untils.filter((until) => until > now)
    return ahead.length === 0 ? undefined : Math.min(...ahead)
  }

  /**
   * Writes this host's member key, once whoever had the name before is gone.
   *
   * @throws DuplicateInstance when it is not gone, it renews
   */
  async join(signal: AbortSignal): Promise<void> {
    const { leases, app, instance, clock, locked } = this.#ports
    const key = memberKey(app, instance)
    const waited = new Set<string>()
    while (!signal.aborted) {
      const found = await leases.get(key)
      const before = found && decodeMember(found.value)
      if (before && !locked && this.#isAlive(before)) {
        // The one before me may have died just now; one that renews in the meantime has not.
        if (waited.has(before.incarnation)) throw new DuplicateInstance(instance)
        waited.add(before.incarnation)
        await sleepUntil(clock, before.until, signal)
        continue
      }
      const revision = await leases.put(key, this.#member(), found?.revision ?? 0)
      if (revision === undefined) continue
      this.#memberRevision = revision
      return
    }
  }

  async leave(): Promise<void> {
    const { leases, app, instance } = this.#ports
    await leases.remove(memberKey(app, instance), this.#memberRevision)
  }

  /** Keeps the bucket in view; `seen` after every change, `taken` when one of ours is another's. */
  async watch(signal: AbortSignal, seen: () => void, taken: (slot: number) => void): Promise<void> {
    const { leases, app, generation } = this.#ports
    const each = async (prefix: string, see: (change: LeaseChange) => void): Promise<void> => {
      for await (const change of leases.watch(prefix, signal)) {
        see(change)
        seen()
      }
    }
    await Promise.all([
      each(memberKeys(app), (change) => this.#seeMember(change)),
      each(slotKeys(generation, app), (change) => this.#seeLease(change, taken)),
    ])
  }

  #isAlive(other: Member): boolean {
    return !isMine(other, this.#me) && other.until > this.#ports.clock.now()
  }

  async renewMember(): Promise<void> {
    const { leases, app, instance } = this.#ports
    const key = memberKey(app, instance)
    const revision = await leases.put(key, this.#member(), this.#memberRevision)
    if (revision !== undefined) {
      this.#memberRevision = revision
      return
    }
    // Changed by hand, or by another of this name.
    const found = await leases.get(key)
    this.#memberRevision = found?.revision ?? 0
    if (found && this.#isAlive(decodeMember(found.value))) throw new DuplicateInstance(instance)
  }

  /** False: somebody was faster. */
  async take(slot: number): Promise<boolean> {
    const { leases } = this.#ports
    const lease = this.#lease(0)
    const seen = this.#leases.get(slot)?.revision ?? 0
    const revision = await leases.put(this.#key(slot), encodeLease(lease), seen)
    if (revision === undefined) return false
    this.#held.set(slot, { revision, epoch: 0, writing: Promise.resolve() })
    this.#leases.set(slot, { lease, revision })
    return true
  }

  /**
   * Writes one lease anew. That it cannot be written changes nothing here: only a conflict on the
   * journal takes a partition away.
   *
   * @returns false when the lease is somebody else's
   */
  async renew(slot: number, epoch?: number): Promise<boolean> {
    const held = this.#held.get(slot)
    if (!held) return true
    held.epoch = epoch ?? held.epoch
    const written = held.writing.then(() => this.#write(slot, held))
    held.writing = written.catch(() => undefined)
    return written
  }

  /** Gives the lease back: others may take it at once. */
  async drop(slot: number): Promise<void> {
    const held = this.#held.get(slot)
    if (!held) return
    this.#held.delete(slot)
    await held.writing
    await this.#ports.leases.remove(this.#key(slot), held.revision)
    if (this.#leases.get(slot)?.revision === held.revision) this.#leases.delete(slot)
  }

  async #write(slot: number, held: Held): Promise<boolean> {
    const { leases } = this.#ports
    if (this.#held.get(slot) !== held) return true
    const key = this.#key(slot)
    const lease = this.#lease(held.epoch)
    const revision = await leases.put(key, encodeLease(lease), held.revision)
    if (revision !== undefined) {
      held.revision = revision
      this.#leases.set(slot, { lease, revision })
      return true
    }
    const found = await leases.get(key)
    if (found && !isMine(decodeLease(found.value), this.#me)) return false
    // Removed, or written by ourselves without our hearing of it: next time from there.
    held.revision = found?.revision ?? 0
    return true
  }

  /** Names of processes may be random, so those of the dead would pile up. */
  async sweep(): Promise<void> {
    const { leases, app, clock, leaseMs } = this.#ports
    const long = clock.now() - goneAfterLeases * leaseMs
    for (const [name, { member, revision }] of this.#members) {
      if (member.until < long) await leases.remove(memberKey(app, name), revision)
    }
  }

  #seeMember({ key, value, revision }: LeaseChange): void {
    const name = key.slice(key.lastIndexOf('.') + 1)
    if (value) this.#members.set(name, { member: decodeMember(value), revision })
    else this.#members.delete(name)
  }

  #seeLease({ key, value, revision }: LeaseChange, taken: (slot: number) => void): void {
    const slot = Number(key.slice(key.lastIndexOf('.') + 1))
    if ((this.#leases.get(slot)?.revision ?? 0) > revision) return
    if (!value) {
      this.#leases.delete(slot)
      return
    }
    const lease = decodeLease(value)
    this.#leases.set(slot, { lease, revision })
    if (this.#held.has(slot) && !isMine(lease, this.#me)) taken(slot)
  }

  #lease(epoch: number): Lease {
    const { clock, leaseMs } = this.#ports
    return { ...this.#me, epoch, until: clock.now() + leaseMs }
  }

  #member(): Uint8Array {
    const { clock, leaseMs } = this.#ports
    return encodeMember({ ...this.#me, until: clock.now() + leaseMs })
  }

  #key(slot: number): string {
    const { generation, app } = this.#ports
    return slotKey(generation, app, slot)
  }
}
