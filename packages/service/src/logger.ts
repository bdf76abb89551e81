import { type DestinationStream, destination, type Logger, pino } from 'pino'
import { z } from 'zod'

export type { Logger }

export const logLevel = z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent'])

export interface LoggerOptions {
  /** Fields on every line, such as service and instance. */
  readonly fields?: Readonly<Record<string, string | number>>
  readonly level?: z.infer<typeof logLevel>
  /** `pretty` for a person at a terminal. */
  readonly format?: 'json' | 'pretty'
  readonly to?: DestinationStream
}

/**
 * JSON lines on stderr; stdout belongs to data. Payloads, header values and secrets are never
 * fields: what may be logged is named at each call, so there is nothing to redact afterwards.
 */
export function createLogger(options: LoggerOptions = {}): Logger {
  const { fields = {}, level = 'info', format = 'json' } = options
  const to = options.to ?? destination({ dest: 2, sync: true })
  return pino(
    {
      level,
      base: fields,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    format === 'pretty' ? pretty(to) : to,
  )
}

/** `12:00:01.123 warn ingress  message  field=value`. Values stay JSON: no raw control characters. */
function pretty(to: DestinationStream): DestinationStream {
  return {
    write(line) {
      const { time, level, msg, service, err, ...fields } = JSON.parse(line) as Line // pino's own
      const rest = Object.entries(fields).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      const head = [time.slice(11, 23), level.padEnd(5), service ?? '', msg ?? '', ...rest]
      to.write(
        `${head.filter((part) => part !== '').join(' ')}\n${err?.stack ? `${err.stack}\n` : ''}`,
      )
    },
  }
}

interface Line {
  time: string
  level: string
  msg?: string
  service?: string
  err?: { stack?: string }
  [field: string]: unknown
}
