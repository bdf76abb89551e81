import { ApiError, type ApiErrorBody, statusOf } from '../error.ts'

/** What only HTTP can get wrong: its status says more than the kind of the error does. */
export class HttpError extends ApiError {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, body: ApiErrorBody, headers: Readonly<Record<string, string>> = {}) {
    super(body)
    this.status = status
    this.headers = headers
  }
}

export const signedOut = (): HttpError =>
  new HttpError(
    401,
    {
      kind: 'refused',
      code: 'WB6001',
      what: 'nobody is signed in',
      refusal: 'signed_out',
      next: 'sign in: POST /api/v1/session {"token": "..."}',
    },
    { 'www-authenticate': 'Bearer' },
  )

export const forbidden = (
  refusal: 'role' | 'origin' | 'by',
  why: string,
  more: { where?: string; next?: string } = {},
): HttpError =>
  new HttpError(403, {
    kind: 'refused',
    code: 'WB6002',
    what: 'this is not allowed',
    why,
    refusal,
    ...more,
  })

/** 405, 413, 415 and their like: the request is no request of this contract. */
export const notTaken = (
  status: 400 | 405 | 413 | 415,
  why: string,
  headers: Readonly<Record<string, string>> = {},
): HttpError =>
  new HttpError(
    status,
    { kind: 'invalid', code: 'WB6003', what: 'the request cannot be taken', why },
    headers,
  )

export const noSuchPath = (path: string): HttpError =>
  new HttpError(404, {
    kind: 'not_found',
    code: 'WB6004',
    what: 'there is no such endpoint',
    where: path,
    next: 'see /api/v1/openapi.json',
  })

export function answerError(error: ApiError): Response {
  const status = error instanceof HttpError ? error.status : statusOf[error.kind]
  const headers: Record<string, string> = error instanceof HttpError ? { ...error.headers } : {}
  const { retryAfterMs } = error.body
  if (retryAfterMs !== undefined) headers['retry-after'] = String(Math.ceil(retryAfterMs / 1000))
  return Response.json(
    { error: error.body },
    { status, headers: { ...headers, 'cache-control': 'no-store' } },
  )
}
