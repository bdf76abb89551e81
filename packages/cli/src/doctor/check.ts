/** One line of `doctor`. */
export interface Check {
  readonly name: string
  readonly result: 'ok' | 'warn' | 'fail'
  readonly what: string
  /** What to do about it. */
  readonly next?: string
}

export const ok = (name: string, what: string): Check => ({ name, result: 'ok', what })
export const warn = (name: string, what: string, next: string): Check => ({
  name,
  result: 'warn',
  what,
  next,
})
export const fail = (name: string, what: string, next: string): Check => ({
  name,
  result: 'fail',
  what,
  next,
})
