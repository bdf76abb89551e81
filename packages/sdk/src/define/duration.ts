const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 24 * 3_600_000 } as const

/** `'250ms'`, `'30s'`, `'5m'`, `'1h'`, `'1d'`, or plain milliseconds as `{ ms: 250 }`. */
export type Duration = `${number}${keyof typeof unitMs}` | { readonly ms: number }

const pattern = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/

/** Whole milliseconds, or undefined when it is no duration. */
export function durationMs(duration: unknown): number | undefined {
  const ms = typeof duration === 'string' ? fromText(duration) : fromObject(duration)
  return ms !== undefined && Number.isSafeInteger(ms) && ms >= 0 ? ms : undefined
}

function fromText(text: string): number | undefined {
  const [, amount, unit] = pattern.exec(text) ?? []
  // Rounded, because 1.1 * 60,000 is not whole in binary.
  return unit === undefined
    ? undefined
    : Math.round(Number(amount) * unitMs[unit as keyof typeof unitMs])
}

function fromObject(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null || Object.keys(value).join() !== 'ms')
    return undefined
  const { ms } = value as { ms: unknown }
  return typeof ms === 'number' ? ms : undefined
}
