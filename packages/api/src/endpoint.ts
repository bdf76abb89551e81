import type { z } from 'zod'

export type Owner = 'ingress' | 'dispatcher' | 'projector'

/**
 * One question or command. Whoever wants to add an endpoint adds it here: the server checks both
 * sides against it, the client is typed by it.
 */
export interface Endpoint<Request extends z.ZodType, Response extends z.ZodType> {
  readonly summary: string
  /** A query changes nothing; a command is for those who may, and names who did it. */
  readonly kind: 'query' | 'command'
  /** The service that answers; `every` process answers what is about itself. */
  readonly owner: Owner | 'every'
  /**
   * `any`: one instance answers for all. `each`: every instance knows only its own part, so all
   * are asked. `app`: any instance that hosts the app the request names.
   */
  readonly answeredBy: 'any' | 'each' | 'app'
  readonly request: Request
  readonly response: Response
}

export const endpoint = <Request extends z.ZodType, Response extends z.ZodType>(
  it: Endpoint<Request, Response>,
): Endpoint<Request, Response> => it
