/** One thing a process needs to do its work. Throws, or takes too long, when it cannot. */
export interface HealthProbe {
  readonly name: string
  readonly probe: (signal: AbortSignal) => void | Promise<void>
  /** The answer is reused this long, so that whoever asks often costs nothing. */
  readonly everyMs?: number
  readonly timeoutMs?: number
}

export interface HealthCheck {
  readonly name: string
  readonly ok: boolean
  readonly why?: string
  /** Epoch ms. */
  readonly at: number
}

export interface HealthReport {
  readonly service: string
  readonly instance: string
  readonly version: string
  readonly startedAt: number
  readonly ready: boolean
  readonly checks: readonly HealthCheck[]
}

export interface Health {
  /** Looks at everything whose answer is too old. */
  report(): Promise<HealthReport>
}

export interface HealthOptions {
  readonly service: string
  readonly instance: string
  readonly version: string
  readonly probes: readonly HealthProbe[]
  /** Aborted = draining: alive, but not ready. */
  readonly stopping: AbortSignal
  readonly now?: () => number
}

export function createHealth(options: HealthOptions): Health {
  const { service, instance, version, stopping, now = Date.now } = options
  const startedAt = now()
  const probes = options.probes.map((probe) => ({ probe, last: undefined as Last }))

  function look(it: { probe: HealthProbe; last: Last }): Promise<HealthCheck> {
    const { everyMs = 5000 } = it.probe
    if (it.last === undefined || now() - it.last.begun >= everyMs) {
      it.last = { begun: now(), check: check(it.probe, now) }
    }
    return it.last.check
  }

  return {
    async report() {
      const checks = await Promise.all(probes.map(look))
      const draining = { name: 'draining', ok: false, why: 'it is stopping', at: now() }
      const all = stopping.aborted ? [draining, ...checks] : checks
      const ready = all.every(({ ok }) => ok)
      return { service, instance, version, startedAt, ready, checks: all }
    },
  }
}

type Last = { begun: number; check: Promise<HealthCheck> } | undefined

async function check(
  { name, probe, timeoutMs = 2000 }: HealthProbe,
  now: () => number,
): Promise<HealthCheck> {
  const signal = AbortSignal.timeout(timeoutMs)
  const late = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => late.reject(new Error(`no answer in ${timeoutMs} ms`)))
  late.promise.catch(() => undefined)
  try {
    await Promise.race([probe(signal), late.promise])
    return { name, ok: true, at: now() }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'it threw something odd'
    return { name, ok: false, why: why.slice(0, 1024), at: now() }
  }
}
