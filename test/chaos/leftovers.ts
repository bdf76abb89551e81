const left: (() => void)[] = []
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
let watching = false

/**
 * Undone, the newest first, when this process ends before it was disposed, whatever ends it but
 * SIGKILL: processes, mounts and folders of a run that was interrupted do not stay behind.
 */
export function leftover(undo: () => void): Disposable {
  if (!watching) watch()
  left.push(undo)
  return {
    [Symbol.dispose]() {
      const at = left.indexOf(undo)
      if (at >= 0) left.splice(at, 1)
    },
  }
}

function watch(): void {
  watching = true
  process.once('exit', undoAll)
  for (const signal of signals) {
    process.once(signal, () => {
      undoAll()
      // Nobody listens any more, so now it does what it does to everybody.
      process.kill(process.pid, signal)
    })
  }
}

function undoAll(): void {
  for (let undo = left.pop(); undo; undo = left.pop()) {
    try {
      undo()
    } catch (cause) {
      console.error('chaos: something stays behind', cause)
    }
  }
}
