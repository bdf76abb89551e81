import { appendFileSync } from 'node:fs'
import { crashVariables, type Place } from './points.ts'

const { [crashVariables.place]: here, [crashVariables.mark]: mark } = process.env
let passes = Number(process.env[crashVariables.passes] ?? 0)

/** This place is reached: if it is the one, nothing after it happens any more. */
export function reach(place: Place): void {
  if (place !== here || passes-- > 0) return
  if (mark !== undefined) appendFileSync(mark, `${place}\n`)
  process.kill(process.pid, 'SIGKILL')
  // The signal may come a moment later; until then this thread stands still.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}
