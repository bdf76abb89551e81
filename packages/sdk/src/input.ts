import { fieldOf, type Shape } from './cel/shape.ts'

/** Where an input is taken from: `event.data.order.id`, `event.data.lines[0].sku`. */
export type InputPath = readonly (string | number)[]

const segment = /^(?:\.([A-Za-z_]\w*)|\[(\d{1,9})\]|\["((?:[^"\\])+)"\])/

/** Undefined when the text is no path from the event. */
export function parsePath(text: string): InputPath | undefined {
  if (!text.startsWith('event')) return undefined
  const path: (string | number)[] = []
  let rest = text.slice('event'.length)
  while (rest !== '') {
    const [whole, name, index, key] = segment.exec(rest) ?? []
    if (whole === undefined) return undefined
    path.push(index === undefined ? ((name ?? key) as string) : Number(index))
    rest = rest.slice(whole.length)
  }
  return path.length === 0 ? undefined : path
}

/** What is at the path, own properties only; `missing` names how far it goes. */
export function resolvePath(
  event: object,
  path: InputPath,
):
  | { readonly found: true; readonly value: unknown }
  | { readonly found: false; readonly missing: string } {
  let at: unknown = event
  let seen = 'event'
  for (const one of path) {
    seen += typeof one === 'number' ? `[${one}]` : `.${one}`
    at =
      typeof at === 'object' && at !== null && Object.hasOwn(at, one)
        ? Reflect.get(at, one)
        : undefined
    if (at === undefined) return { found: false, missing: seen }
  }
  return { found: true, value: at }
}

/** The first name on the path that no event of this shape has. */
export function unknownName(
  shape: Shape,
  path: InputPath,
): { name: string; known: string[] } | undefined {
  let at: Shape | undefined = shape
  for (const one of path) {
    const next: Shape | undefined = typeof one === 'number' ? itemOf(at) : fieldOf(at, one)
    if (!next)
      return { name: String(one), known: at.kind === 'object' ? [...at.fields.keys()] : [] }
    at = next
  }
  return undefined
}

function itemOf(shape: Shape): Shape | undefined {
  if (shape.kind === 'list') return shape.item
  return shape.kind === 'dyn' ? shape : undefined
}

// --- the same, in types ----------------------------------------------------------------------

declare const nothing: unique symbol
/** No event of the trigger has this. */
interface Nothing {
  readonly [nothing]: true
}

/** What a handler gets for each input; what the types can't tell is unknown. */
export type InputOf<Event, Paths> = {
  readonly [Name in keyof Paths]: Paths[Name] extends string
    ? Exclude<At<Event, Paths[Name]>, undefined | Nothing>
    : never
}

/** The paths themselves where they lead somewhere, else a text that says they don't. */
export type Leading<Event, Paths> = {
  readonly [Name in keyof Paths]: Paths[Name] extends string
    ? [At<Event, Paths[Name]>] extends [Nothing]
      ? `${Paths[Name]} is in no event of this binding`
      : Paths[Name]
    : never
}

type At<Event, Path extends string> = Path extends `event.${infer Rest}`
  ? Walk<Event, Rest>
  : Nothing

type Walk<T, Path extends string> = Path extends `${infer Head}.${infer Rest}`
  ? Walk<NonNullable<Step<T, Head>>, Rest>
  : Step<T, Path>

type Step<T, Segment extends string> = Segment extends `${infer Name}[${number}]${infer More}`
  ? More extends ''
    ? Item<NonNullable<Field<T, Name>>>
    : unknown
  : Segment extends `${string}[${string}`
    ? unknown
    : Field<T, Segment>

type Field<T, Name extends string> = unknown extends T
  ? unknown
  : T extends unknown
    ? Name extends keyof T
      ? T[Name]
      : Nothing
    : never

type Item<T> = unknown extends T ? unknown : T extends readonly (infer One)[] ? One : Nothing
