import { end, freePort, start, untilReady } from '../demo/processes.ts'

/** A `waybill dashboard` of its own, beside whatever else runs on the same server. */
export interface Dashboard extends AsyncDisposable {
  readonly url: string
  /** kill -9; it is not started again by itself. */
  kill(): Promise<void>
  /** Starts it again where it was; resolves when it is ready. */
  start(): Promise<void>
}

/** @param dir for what it says */
export async function startDashboard(
  dir: string,
  nats: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<Dashboard> {
  const [port, opsPort] = [await freePort(), await freePort()]
  const env = {
    ...process.env,
    NATS_URL: nats,
    WAYBILL_LOG_LEVEL: 'warn',
    WAYBILL_DASHBOARD_OPS_PORT: String(opsPort),
    ...settings,
  }
  const begin = () => start({ dir, env }, 'dashboard', ['dashboard', '--port', String(port)])
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
