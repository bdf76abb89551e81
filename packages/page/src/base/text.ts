/** How times, lengths and ids are said to people: as the CLI says them. */

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
export function clock(at: number, withMs = true): string {
  const date = new Date(at)
  const pad = (value: number, width = 2): string => String(value).padStart(width, '0')
  const seconds = [date.getHours(), date.getMinutes(), date.getSeconds()].map((one) => pad(one))
  return `${seconds.join(':')}${withMs ? `.${pad(date.getMilliseconds(), 3)}` : ''}`
}

/** Local day and time, as in `11-21 08:15:41`; today's without the day. */
export function moment(at: number, now: number): string {
  const date = new Date(at)
  const isToday = date.toDateString() === new Date(now).toDateString()
  const pad = (value: number): string => String(value).padStart(2, '0')
  const day = `${pad(date.getMonth() + 1)}-${pad(date.getDate())}`
  return isToday ? clock(at, false) : `${day} ${clock(at, false)}`
}

/** `<g>-<slot>-<first 8>`: long enough to be one of its kind, and a prefix every search takes. */
export function shortId(id: string): string {
  const from = id.lastIndexOf('-') + 1
  return id.slice(0, from + 8)
}

export const number = (many: number): string => many.toLocaleString('en')

export function count(many: number, one: string, more = `${one}s`): string {
  return `${number(many)} ${many === 1 ? one : more}`
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
