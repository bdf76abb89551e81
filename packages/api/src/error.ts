import { WaybillError } from '@waybill/core'
import { z } from 'zod'

/**
 * Why a request was not done. `defect` is our own bug; everything else is something the caller can
 * act on.
 */
export const apiErrorKind = z.enum([
  'invalid',
  'not_found',
  'ambiguous',
  'refused',
  'unavailable',
  'defect',
])
export type ApiErrorKind = z.infer<typeof apiErrorKind>

const text = z.string().max(4096)

/** The body of an error answer. Readers tolerate fields that they don't know. */
export const apiErrorBody = z.object({
  kind: apiErrorKind,
  /** Stable, for machines and for `docs/errors`: `WB2004`. */
  code: z.string().max(64),
  what: text,
  /** The field, id or service that it is about. */
  where: text.optional(),
  why: text.optional(),
  /** What to do about it, as a command or one sentence. */
  next: text.optional(),
  /** Kind `refused`: which rule, such as `not_cancellable`. */
  refusal: z.string().max(64).optional(),
  /** Kind `ambiguous`: ids that the prefix fits, at most 20. */
  candidates: z.array(z.string()).max(20).optional(),
  /** Kind `unavailable`: when trying again makes sense. */
  retryAfterMs: z.int().nonnegative().optional(),
})
export type ApiErrorBody = z.infer<typeof apiErrorBody>

/** Thrown by handlers and by the client alike: it travels whole, so both sides see the same. */
export class ApiError extends WaybillError {
  override readonly name = 'ApiError'
  readonly kind: ApiErrorKind
  readonly body: ApiErrorBody

  constructor(body: ApiErrorBody, options?: ErrorOptions) {
    super(body, options)
    this.kind = body.kind
    this.body = body
  }
}

/** Nats-Service-Error-Code, for tools that know micro services but not this contract. */
export const statusOf: Readonly<Record<ApiErrorKind, number>> = {
  invalid: 400,
  not_found: 404,
  ambiguous: 300,
  refused: 409,
  unavailable: 503,
  defect: 500,
}

/** What a command ends with when its request fails. */
export const exitCodeOf: Readonly<Record<ApiErrorKind, number>> = {
  defect: 1,
  invalid: 2,
  ambiguous: 2,
  not_found: 3,
  unavailable: 4,
  refused: 5,
}

export const invalid = (why: string, where?: string): ApiError =>
  new ApiError({
    kind: 'invalid',
    code: 'WB2001',
    what: 'the request is not valid',
    why: clip(why),
    ...(where === undefined ? {} : { where }),
  })

/** `what`: "dispatch", "event", "dead letter" ... */
export const notFound = (what: string, id: string, next?: string): ApiError =>
  new ApiError({
    kind: 'not_found',
    code: 'WB2002',
    what: `no such ${what}`,
    where: id,
    ...(next === undefined ? {} : { next }),
  })

export const ambiguous = (what: string, prefix: string, candidates: readonly string[]): ApiError =>
  new ApiError({
    kind: 'ambiguous',
    code: 'WB2003',
    what: `more than one ${what} begins like this`,
    where: prefix,
    next: 'give more of the id',
    candidates: candidates.slice(0, 20),
  })

/** `refusal`: the rule, for machines, such as `not_cancellable`. */
export const refused = (refusal: string, why: string, where?: string, next?: string): ApiError =>
  new ApiError({
    kind: 'refused',
    code: 'WB2006',
    what: 'the command was refused',
    refusal,
    why: clip(why),
    ...(where === undefined ? {} : { where }),
    ...(next === undefined ? {} : { next }),
  })

export function unavailable(
  why: string,
  more: { where?: string; next?: string; retryAfterMs?: number } = {},
  options?: ErrorOptions,
): ApiError {
  const body = { kind: 'unavailable', code: 'WB2004', what: 'not available now' } as const
  return new ApiError({ ...body, why: clip(why), ...more }, options)
}

export const defect = (why: string, options?: ErrorOptions): ApiError =>
  new ApiError(
    { kind: 'defect', code: 'WB2005', what: 'this should not have happened', why: clip(why) },
    options,
  )

/** The paths and messages of a schema's complaints, one line. */
export const issuesOf = (error: z.ZodError): string =>
  clip(
    error.issues
      .slice(0, 10)
      .map(({ path, message }) => `${path.length === 0 ? 'the whole' : path.join('.')}: ${message}`)
      .join('; '),
  )

const clip = (why: string): string => (why.length <= 1024 ? why : `${why.slice(0, 1023)}…`)
