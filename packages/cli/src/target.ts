import { dispatchState, token, type CancelTarget } from '@waybill/core'
import { z } from 'zod'
import type { Connection } from './connection.ts'
import { CliError, usage } from './error.ts'
import { exit } from './exit.ts'

interface Asked {
  readonly id?: string | undefined
  readonly event?: string
  readonly filter?: string
  readonly app?: string
}

/** A beginning of an id becomes the id; the app that hosts it is looked up. */
export async function resolveTarget(
  connection: Connection,
  asked: Asked,
): Promise<{ app: string; target: CancelTarget }> {
  const { api } = connection
  if (asked.id !== undefined) {
    const { dispatch } = await api.call('dispatch.get', { id: asked.id })
    return { app: dispatch.row.app, target: { kind: 'dispatch', dispatch: dispatch.row.id } }
  }
  if (asked.event !== undefined) {
    const { event, dispatches } = await api.call('event.get', { id: asked.event })
    const app =
      asked.app ??
      onlyOne(
        dispatches.map((row) => row.app),
        connection,
      )
    return { app, target: { kind: 'event', event: event.id } }
  }
  const filter = parseFilter(asked.filter ?? '')
  const app = await appOf(connection, asked.app)
  return { app, target: { kind: 'filter', ...filter } }
}

/** The app that was named, or the only one there is. */
export async function appOf(connection: Connection, named: string | undefined): Promise<string> {
  if (named !== undefined) return named
  const { bindings } = await connection.api.call('binding.list', {})
  return onlyOne(
    bindings.map((row) => row.app),
    connection,
  )
}

function onlyOne(apps: readonly string[], { project }: Connection): string {
  const [first, ...others] = [...new Set(apps)]
  if (first !== undefined && others.length === 0) return first
  if (first === undefined && project) return project.app
  throw first === undefined
    ? new CliError({
        code: 'WB4005',
        what: 'no app has anything to do with it',
        exitCode: exit.notFound,
      })
    : usage('several apps fit', [first, ...others].join(', '), 'say which with --app')
}

const filterTerms = z.strictObject({
  binding: token.optional(),
  state: dispatchState.optional(),
  tenant: z.string().min(1).optional(),
})

function parseFilter(text: string): z.output<typeof filterTerms> {
  const terms = text.split(',').map((term) => term.split('=', 2))
  const parsed = filterTerms.safeParse(Object.fromEntries(terms))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const why = `${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim()
  throw usage('--filter is not understood', why, 'write it as binding=label,state=retryWait')
}
