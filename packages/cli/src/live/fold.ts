import { dim, state, type Output } from '../output.ts'
import { lineOf, type LiveStep } from './line.ts'

const windowMs = 100
/** Lines of one window that are shown; nobody reads more than this anyway. */
const shownMax = 25

/**
 * Writes steps as lines. In a burst the first ones are shown and the rest is counted, so that a
 * terminal keeps up with a system that is faster than it. Programs get every one.
 */
export interface Writer extends Disposable {
  write(step: LiveStep): void
}

export function createWriter(out: Output): Writer {
  const folded = new Map<string, number>()
  let shown = 0
  let timer: NodeJS.Timeout | undefined

  function flush(): void {
    timer = undefined
    shown = 0
    for (const [what, many] of folded) out.line({}, () => dim(`… ${many} more ${what}`))
    folded.clear()
  }

  return {
    write(step) {
      if (out.format !== 'table') return out.line(step, () => '')
      timer ??= setTimeout(flush, windowMs)
      shown += 1
      if (shown <= shownMax) return out.line(step, () => lineOf(step))
      const what = `${step.binding} → ${state(step.to)}`
      folded.set(what, (folded.get(what) ?? 0) + 1)
    },
    [Symbol.dispose]() {
      clearTimeout(timer)
      flush()
    },
  }
}
