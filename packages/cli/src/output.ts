import { styleText } from 'node:util'

/** Every JSON answer carries it; a field that changes its meaning raises it. */
const SCHEMA_VERSION = 1

export type Format = 'table' | 'json' | 'ndjson'
export const formats: readonly Format[] = ['table', 'json', 'ndjson']

/** Data goes to stdout and nothing else does; everything said about it goes to stderr. */
export interface Output {
  readonly format: Format
  /** One thing: for people as text, for programs as one object. */
  show(data: object, text: () => string): void
  /** A list that is complete: a table, one object with the list in it, or a line for each. */
  list<Row extends object>(list: List<Row>): void
  /** One of many that come over time: a line each, whatever the format. */
  line(data: object, text: () => string): void
  /** To stderr. */
  say(text: string): void
}

export interface List<Row extends object> {
  /** Name of the list in JSON. */
  readonly name: string
  readonly rows: readonly Row[]
  readonly columns: readonly Column<Row>[]
  /** Beside the list in JSON: cursor, positions ... */
  readonly more?: object
  /** Said instead of an empty table: what would be here, and what makes it appear. */
  readonly empty: string
}

export interface Column<Row> {
  readonly title: string
  readonly of: (row: Row) => string
  readonly align?: 'right'
}

export function createOutput(format: Format): Output {
  const json = (data: object): string => JSON.stringify(withVersion(data), plainly)
  return {
    format,
    show(data, text) {
      if (format === 'table') write(text())
      else if (format === 'ndjson') write(json(data))
      else write(JSON.stringify(withVersion(data), plainly, 2))
    },
    list({ name, rows, columns, more = {}, empty }) {
      if (format === 'json') {
        write(JSON.stringify(withVersion({ [name]: rows, ...more }), plainly, 2))
      } else if (format === 'ndjson') {
        for (const row of rows) write(json(row))
      } else if (rows.length === 0) {
        say(empty)
      } else write(table(rows, columns))
    },
    line(data, text) {
      write(format === 'table' ? text() : json(data))
    },
    say,
  }
}

const withVersion = (data: object): object => ({ schemaVersion: SCHEMA_VERSION, ...data })

/** JSON knows neither bytes nor maps. */
function plainly(_key: string, value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries(value)
  if (value instanceof Set) return [...value]
  return value instanceof Uint8Array ? { $bytes: Buffer.from(value).toString('base64') } : value
}

const write = (text: string): void => void process.stdout.write(`${text}\n`)
const say = (text: string): void => void process.stderr.write(`${text}\n`)

/** Columns as wide as their content; the last one is never padded, so lines end where they end. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const cells = [
    columns.map(({ title }) => dim(title)),
    ...rows.map((row) => columns.map(({ of }) => of(row))),
  ]
  const widths = columns.map((_, at) => Math.max(...cells.map((line) => widthOf(line[at] ?? ''))))
  return cells
    .map((line) => line.map((cell, at) => fit(cell, widths[at] ?? 0, columns, at)).join('  '))
    .map((line) => line.trimEnd())
    .join('\n')
}

function fit<Row>(
  cell: string,
  width: number,
  columns: readonly Column<Row>[],
  at: number,
): string {
  const space = ' '.repeat(Math.max(0, width - widthOf(cell)))
  if (columns[at]?.align === 'right') return space + cell
  return at === columns.length - 1 ? cell : cell + space
}

/** `key  value` lines. Undefined values are left out. */
export function fields(pairs: readonly (readonly [string, string | undefined])[]): string {
  const known = pairs.filter((pair): pair is readonly [string, string] => pair[1] !== undefined)
  const width = Math.max(0, ...known.map(([name]) => name.length))
  return known.map(([name, value]) => `${dim(name.padEnd(width))}  ${value}`).join('\n')
}

// oxlint-disable-next-line no-control-regex -- the escapes that styleText writes
const escapes = /\u001b\[[0-9;]*m/g
const widthOf = (cell: string): number => Array.from(cell.replace(escapes, '')).length

// --- colour ----------------------------------------------------------------------------------

type Style = Parameters<typeof styleText>[0]

/** Nothing but the text on a pipe, with NO_COLOR or on a dumb terminal; FORCE_COLOR wins. */
export function style(format: Style, text: string): string {
  const { FORCE_COLOR, TERM } = process.env
  if (TERM === 'dumb' && FORCE_COLOR === undefined) return text
  return styleText(format, text, { stream: process.stdout })
}

export const dim = (text: string): string => style('dim', text)
export const bold = (text: string): string => style('bold', text)

/** One colour and one sign per state, everywhere: never colour alone. */
export function state(name: string, text = name): string {
  const [sign, colour] = looks[name] ?? ['·', 'dim']
  return style(colour, `${sign} ${text}`)
}

const looks: Readonly<Record<string, readonly [string, Style]>> = {
  received: ['○', 'dim'],
  predicate: ['?', 'cyan'],
  flowGated: ['◔', 'magenta'],
  attempting: ['▶', 'blue'],
  retryWait: ['↻', 'yellow'],
  waiting: ['◷', 'yellow'],
  succeeded: ['✓', 'green'],
  skipped: ['⤼', 'dim'],
  failed: ['✗', 'red'],
  cancelled: ['⊘', 'dim'],
  superseded: ['»', 'dim'],
  dlq: ['☠', 'red'],
  completed: ['✓', 'green'],
  over: ['·', 'dim'],
  ok: ['✓', 'green'],
  warn: ['!', 'yellow'],
  fail: ['✗', 'red'],
}
