import type { Entry, InputRef, Position } from '@waybill/core'
import type { Complain } from '../finding.ts'
import type { Invariant } from '../invariant.ts'

export const inputs: Invariant = {
  name: 'inputs',
  law: 'I11',
  holds: 'inputs are read in the order of their streams, and a bundle says how far that went',
  of: 'partition',
  watch({ fromStart }) {
    const positions = new Map<string, Position>()
    return {
      entry({ entry }, complain) {
        const { input } = entry
        if ('ref' in input && input.ref) takeRef(positions, input.ref, complain)
        takeDefinition(positions, entry)
      },
      bundle({ header }, complain) {
        const said = Object.keys(header.positions)
        for (const stream of new Set([...positions.keys(), ...(fromStart ? said : [])])) {
          checkPosition(stream, positions.get(stream), header.positions[stream], complain)
        }
      },
    }
  },
}

function takeRef(
  positions: Map<string, Position>,
  { stream, seq, index, hash }: InputRef,
  complain: Complain,
): void {
  const before = positions.get(stream)
  if (before && (seq < before.seq || (seq === before.seq && index <= before.index))) {
    complain('input.order', `${stream} ${seq}/${index} is read after ${placeOf(before)}`)
  }
  positions.set(stream, { seq, index, hash })
}

/** Everything in that message counts as read. */
const wholeMessage = 0x7fffffff

function takeDefinition(positions: Map<string, Position>, { input, facts }: Entry): void {
  if (input.kind !== 'def' || !facts.some(({ kind }) => kind === 'def.applied')) return
  if (input.change.kind !== 'deploy') return
  const { stream, seq } = input.change.eventsFrom
  if (seq === 0 || positions.has(stream)) return
  positions.set(stream, { seq, index: wholeMessage, hash: '' })
}

function checkPosition(
  stream: string,
  mine: Position | undefined,
  said: Position | undefined,
  complain: Complain,
): void {
  if (mine?.seq === said?.seq && mine?.index === said?.index && mine?.hash === said?.hash) return
  complain('position', `${stream} is read to ${placeOf(mine)}, the bundle says ${placeOf(said)}`)
}

const placeOf = (position: Position | undefined): string =>
  position ? `${position.seq}/${position.index}` : 'nowhere'
