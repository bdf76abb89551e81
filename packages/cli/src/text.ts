/** How the CLI says times, lengths and ids to people. Programs get milliseconds and whole ids. */

/** `12 s ago`, `in 3 m`. */
export function relative(at: number, now: number): string {
  const ms = at - now
  if (Math.abs(ms) < 1000) return 'now'
  return ms < 0 ? `${duration(-ms)} ago` : `in ${duration(ms)}`
}

export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${trim(ms / 1000)} s`
  if (ms < 3_600_000) return `${trim(ms / 60_000)} m`
  if (ms < 86_400_000) return `${trim(ms / 3_600_000)} h`
  return `${trim(ms / 86_400_000)} d`
}

const trim = (value: number): string =>
  (value < 10 ? value.toFixed(1) : value.toFixed(0)).replace(/\.0$/, '')

export const iso = (at: number): string => new Date(at).toISOString()

/** Local time of day, with milliseconds. */
export function clock(at: number): string {
  const date = new Date(at)
  const [h, m, s] = [date.getHours(), date.getMinutes(), date.getSeconds()]
  const pad = (value: number, width = 2): string => String(value).padStart(width, '0')
  return `${pad(h)}:${pad(m)}:${pad(s)}.${pad(date.getMilliseconds(), 3)}`
}

/** `<g>-<slot>-<first 8>`: long enough to be one of its kind, and a prefix every command takes. */
export function shortId(id: string): string {
  const from = id.lastIndexOf('-') + 1
  return id.slice(0, from + 8)
}

export function count(many: number, one: string, more = `${one}s`): string {
  return `${many.toLocaleString('en')} ${many === 1 ? one : more}`
}

export const clip = (text: string, max: number): string =>
  text.length <= max ? text : `${text.slice(0, max - 1)}…`

const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** `24h`, `30m`, `500ms` to ms; undefined when it is not a length of time. */
export function parseDuration(text: string): number | undefined {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/.exec(text.trim()) ?? []
  const factor = unit === undefined ? undefined : units[unit]
  return amount === undefined || factor === undefined ? undefined : Number(amount) * factor
}
