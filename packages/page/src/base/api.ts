import {
  type ApiErrorBody,
  type EachName,
  type EndpointName,
  fromJson,
  type OneName,
  type RequestOf,
  type ResponseOf,
  toJson,
} from '@waybill/api'

/** What a request says; who says it is known from the session. */
export type Told<K extends EndpointName> = Omit<RequestOf<K>, 'by'>

/** Why there is no answer, as the server says it, or that there was none. */
export class Problem extends Error {
  override readonly name = 'Problem'
  /** HTTP status; 0: no answer came. */
  readonly status: number
  readonly body: ApiErrorBody

  constructor(status: number, body: ApiErrorBody, options?: ErrorOptions) {
    super(`${body.code} ${body.what}`, options)
    this.status = status
    this.body = body
  }
}

export async function ask<K extends OneName>(
  name: K,
  request: Told<K>,
  signal?: AbortSignal,
): Promise<ResponseOf<K>> {
  return (await send('POST', `/api/v1/${name}`, request, signal)) as ResponseOf<K> // by the contract
}

export async function askEach<K extends EachName>(
  name: K,
  request: Told<K>,
  signal?: AbortSignal,
): Promise<ResponseOf<K>[]> {
  const body = await send('POST', `/api/v1/${name}`, request, signal)
  return (body as { answers: ResponseOf<K>[] }).answers // by the contract
}

export async function send(
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<unknown> {
  const response = await reach(path, {
    method,
    ...(signal && { signal }),
    ...(body !== undefined && {
      body: toJson(body),
      headers: { 'content-type': 'application/json' },
    }),
  })
  const text = await response.text()
  if (response.ok) return text === '' ? undefined : fromJson(text)
  throw new Problem(response.status, errorIn(text) ?? unreadable(response))
}

async function reach(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init)
  } catch (cause) {
    if (init.signal?.aborted) throw cause
    throw new Problem(
      0,
      {
        kind: 'unavailable',
        code: 'page.unreachable',
        what: 'the dashboard does not answer',
        where: location.host,
        why: 'the connection was refused or broke off',
        next: 'is `waybill dev` (or the dashboard service) running? The page goes on by itself.',
      },
      { cause },
    )
  }
}

function errorIn(text: string): ApiErrorBody | undefined {
  try {
    return (JSON.parse(text) as { error?: ApiErrorBody }).error
  } catch {
    return undefined // a proxy's page, not ours
  }
}

const unreadable = ({ status, statusText }: Response): ApiErrorBody => ({
  kind: status >= 500 ? 'unavailable' : 'invalid',
  code: `http.${status}`,
  what: `the server answered ${status} ${statusText}`.trim(),
  why: 'the answer is not one of the dashboard; something between the page and it may have spoken',
})

/** Anything thrown, as what is shown. */
export const problemOf = (thrown: unknown): Problem =>
  thrown instanceof Problem
    ? thrown
    : new Problem(
        0,
        {
          kind: 'defect',
          code: 'page.defect',
          what: 'the page has a fault',
          why: thrown instanceof Error ? thrown.message : String(thrown),
        },
        { cause: thrown },
      )
