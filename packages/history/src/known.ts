import { bindingKey, type DefChange, type Entry, type InputRef, type Manifest } from '@waybill/core'
import { DispatchFold } from './dispatches.ts'
import type { EventPlace, Reads } from './lanes.ts'
import { LedgerFold } from './ledgers/book.ts'

/** What a journal has told of its partition so far. */
export interface Known {
  readonly dispatches: DispatchFold
  readonly books: LedgerFold
  /** What was read, by the name of the position. */
  readonly reads: Map<string, Reads>
  readonly manifests: Map<string, Manifest>
  /** The last event before the first deploy. */
  eventsFrom: number | undefined
  /** Where its events were when the last bundle ended. */
  reached: EventPlace | undefined
}

export const nothingKnown = (): Known => ({
  dispatches: new DispatchFold(),
  books: new LedgerFold(),
  reads: new Map(),
  manifests: new Map(),
  eventsFrom: undefined,
  reached: undefined,
})

export function noteInput(known: Known, { input, facts }: Entry): void {
  if ('ref' in input && input.ref) noteRead(known.reads, input.ref)
  if (input.kind !== 'def' || !facts.some(({ kind }) => kind === 'def.applied')) return
  if (input.change.kind !== 'deploy') return
  noteDefinition(known.manifests, input.change)
  known.eventsFrom ??= input.change.eventsFrom.seq
}

type Deploy = Extract<DefChange, { kind: 'deploy' }>

/** A version that is known stays what it was. */
function noteDefinition(manifests: Map<string, Manifest>, change: Pick<Deploy, 'manifests'>): void {
  for (const manifest of change.manifests) {
    const key = bindingKey(manifest)
    if (!manifests.has(key)) manifests.set(key, manifest)
  }
}

function noteRead(reads: Map<string, Reads>, { stream, seq, index, hash }: InputRef): void {
  const lane = reads.get(stream) ?? { seqs: [], indexes: [], hashes: [] }
  reads.set(stream, lane)
  lane.seqs.push(seq)
  lane.indexes.push(index)
  lane.hashes.push(hash)
}

/** Where its events begin, as far as its journal tells; undefined: it was never deployed. */
export function eventsAfter(
  { reads, eventsFrom, reached }: Known,
  eventsStream: string,
  fromStart: boolean,
): EventPlace | undefined {
  if (!fromStart) return beforeFirst(reads.get(eventsStream), reached)
  return eventsFrom === undefined ? undefined : wholeMessage(eventsFrom)
}

export const wholeMessage = (seq: number): EventPlace => ({ seq, index: Number.MAX_SAFE_INTEGER })

/** What was read before the kept journal begins is not known any more. */
function beforeFirst(
  reads: Reads | undefined,
  reached: EventPlace | undefined,
): EventPlace | undefined {
  const seq = reads?.seqs[0]
  const index = reads?.indexes[0]
  return seq === undefined || index === undefined ? reached : { seq, index: index - 1 }
}
