import { equalBytes } from '@waybill/core'
import { SnapshotExists } from '../fault.ts'
import type { SnapshotStore } from '../log.ts'

export function createMemorySnapshots(): SnapshotStore {
  const held = new Map<string, Uint8Array>()
  return {
    async put(name, bytes) {
      const found = held.get(name)
      if (found && !equalBytes(found, bytes)) throw new SnapshotExists(name)
      if (!found) held.set(name, bytes)
    },
    get: async (name) => held.get(name),
    list: async (prefix) => [...held.keys()].filter((name) => name.startsWith(prefix)).sort(),
    async remove(name) {
      held.delete(name)
    },
  }
}
