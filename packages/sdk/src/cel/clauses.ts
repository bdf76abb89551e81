export interface Clause {
  readonly text: string
  readonly start: number
  readonly end: number
}

/**
 * Splits `a && b && c` at its top-level `&&`, in the author's own words: the library's printer
 * drops parentheses that matter. A text with `||` or `?:` at the top is one clause.
 */
export function clausesOf(text: string): readonly Clause[] {
  const clauses: Clause[] = []
  let depth = 0
  let start = 0
  for (let at = afterComments(text, 0); at < text.length; at = next(text, at)) {
    depth += nesting.get(text[at] as string) ?? 0
    if (depth > 0) continue
    if (text[at] === '?' || text.startsWith('||', at)) return [clause(text, 0, text.length)]
    if (!text.startsWith('&&', at)) continue
    clauses.push(clause(text, start, at))
    start = at + 2
  }
  return [...clauses, clause(text, start, text.length)]
}

const nesting = new Map([
  ...['(', '[', '{'].map((open) => [open, 1] as const),
  ...[')', ']', '}'].map((close) => [close, -1] as const),
])

/** The next place after `at` that is neither in a string nor in a comment. */
function next(text: string, at: number): number {
  if (isQuote(text[at])) return afterComments(text, stringEnd(text, at))
  return afterComments(text, text.startsWith('&&', at) ? at + 2 : at + 1)
}

function afterComments(text: string, at: number): number {
  let place = at
  while (text.startsWith('//', place)) {
    const end = text.indexOf('\n', place)
    place = end < 0 ? text.length : end
  }
  return place
}

function stringEnd(text: string, at: number): number {
  const quote = text[at] as string
  const mark = text.startsWith(quote.repeat(3), at) ? quote.repeat(3) : quote
  let end = at + mark.length
  // A backslash hides the next character in raw strings too: so the library reads them.
  while (end < text.length && !text.startsWith(mark, end)) end += text[end] === '\\' ? 2 : 1
  return end + mark.length
}

const isQuote = (char: string | undefined): boolean => char === '"' || char === "'"

function clause(text: string, start: number, end: number): Clause {
  return { text: text.slice(start, end).trim(), start, end }
}
