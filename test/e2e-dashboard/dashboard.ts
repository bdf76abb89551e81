import { end, freePort, start, untilReady, type Surroundings } from '../demo/processes.ts'

/** A `waybill dashboard` of its own, beside whatever else runs on the same server. */
export interface Dashboard extends AsyncDisposable {
  readonly url: string
  /** kill -9; it is not started again by itself. */
  kill(): Promise<void>
  /** Starts it again where it was; resolves when it is ready. */
  start(): Promise<void>
}

export async function startDashboard(
  { dir, env }: Surroundings,
  settings: Readonly<Record<string, string>> = {},
): Promise<Dashboard> {
  const [port, opsPort] = [await freePort(), await freePort()]
  const surroundings = {
    dir,
    env: { ...env, ...settings, WAYBILL_DASHBOARD_OPS_PORT: String(opsPort) },
  }
  const begin = () => start(surroundings, 'dashboard', ['dashboard', '--port', String(port)])
  let running = begin()
  const ready = () => untilReady(`http://127.0.0.1:${opsPort}`, running)
  await ready()
  return {
    url: `http://127.0.0.1:${port}`,
    kill: () => end(running, 'SIGKILL'),
    async start() {
      running = begin()
      await ready()
    },
    [Symbol.asyncDispose]: () => end(running, 'SIGTERM'),
  }
}
