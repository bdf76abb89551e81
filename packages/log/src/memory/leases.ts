import { equalBytes } from '@waybill/core'
import { createChannel, type Channel } from '../channel.ts'
import { leaseKey, underPrefix } from '../lease-key.ts'
import type { LeaseChange, LeaseStore, LeaseValue } from '../log.ts'

/** Revisions rise over all keys, as in a stream of them; a removal takes one too. */
export const createMemoryLeases = (): LeaseStore => new MemoryLeases()

interface Slot {
  readonly revision: number
  /** Undefined: removed. */
  readonly value: Uint8Array | undefined
}

interface Watcher {
  readonly prefix: string
  readonly channel: Channel<LeaseChange>
}

class MemoryLeases implements LeaseStore {
  readonly #slots = new Map<string, Slot>()
  readonly #watchers = new Set<Watcher>()
  #lastRevision = 0

  async get(key: string): Promise<LeaseValue | undefined> {
    return this.#held(key)
  }

  async put(key: string, value: Uint8Array, revision: number): Promise<number | undefined> {
    if (value.length === 0) throw new RangeError('a lease is never empty')
    const found = this.#held(key)
    if ((found?.revision ?? 0) === revision) return this.#write(key, value)
    const same = found && found.revision > revision && equalBytes(found.value, value)
    return same ? found.revision : undefined
  }

  async remove(key: string, revision: number): Promise<boolean> {
    const slot = this.#slots.get(leaseKey(key))
    if (!slot || revision === 0) return false
    if (slot.value === undefined) return slot.revision > revision
    if (slot.revision !== revision) return false
    this.#write(key, undefined)
    return true
  }

  async list(prefix: string): Promise<readonly (LeaseValue & { key: string })[]> {
    return this.#present(prefix).sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  watch(prefix: string, signal: AbortSignal): AsyncIterable<LeaseChange> {
    const stop = (): void => {
      this.#watchers.delete(watcher)
      signal.removeEventListener('abort', stop)
      watcher.channel.cut()
    }
    const watcher: Watcher = { prefix, channel: createChannel(stop) }
    const present = this.#present(prefix).sort((a, b) => a.revision - b.revision)
    for (const change of present) watcher.channel.push(change)
    this.#watchers.add(watcher)
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    return watcher.channel
  }

  #held(key: string): LeaseValue | undefined {
    const slot = this.#slots.get(leaseKey(key))
    return slot?.value && { value: slot.value, revision: slot.revision }
  }

  #present(prefix: string): (LeaseValue & { key: string })[] {
    return [...this.#slots.keys()].filter(underPrefix(prefix)).flatMap((key) => {
      const found = this.#held(key)
      return found ? [{ key, ...found }] : []
    })
  }

  #write(key: string, value: Uint8Array | undefined): number {
    const revision = ++this.#lastRevision
    this.#slots.set(key, { revision, value })
    for (const { prefix, channel } of this.#watchers) {
      if (underPrefix(prefix)(key)) channel.push({ key, revision, value })
    }
    return revision
  }
}
