import { startProxy } from '../proxy.ts'

/** What stands between servers: a line for each way from one to another. */
export interface Lines extends AsyncDisposable {
  /** Where this server finds the others. */
  from(server: number): readonly string[]
  /** Connections stay open, and nothing passes: neither side is told, as on a cut cable. */
  cutOff(server: number): void
  heal(): void
}

export async function openLines(ports: readonly number[]): Promise<Lines> {
  await using undo = new AsyncDisposableStack()
  const pairs = ports.flatMap((_, from) => ports.map((port, to) => ({ from, to, port })))
  const others = pairs.filter(({ from, to }) => from !== to)
  const lines = await Promise.all(
    others.map(async (pair) => ({ ...pair, line: undo.use(await startProxy(pair.port)) })),
  )
  const rest = undo.move()
  return {
    from: (server) => lines.filter(({ from }) => from === server).map(({ line }) => line.url),
    cutOff(server) {
      for (const { from, to, line } of lines) {
        if (from === server || to === server) line.weather = 'frozen'
      }
    },
    heal() {
      for (const { line } of lines) line.weather = 'clear'
    },
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  }
}
