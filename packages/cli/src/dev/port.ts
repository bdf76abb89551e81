import { createServer } from 'node:net'
import { CliError } from '../error.ts'
import { exit } from '../exit.ts'

/** Looked at before anything is started: a start that fails half-way has more to clear up. */
export async function checkPort(port: number, flag: string): Promise<void> {
  try {
    await tryPort(port)
  } catch (cause) {
    throw portTaken(port, flag, cause)
  }
}

/** A port that nobody asked for is no reason not to start. */
export const portOrAny = (port: number): Promise<number> =>
  tryPort(port).then(
    () => port,
    () => 0,
  )

function tryPort(port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const server = createServer()
  server.once('error', reject)
  server.listen(port, '127.0.0.1', () => server.close(() => resolve()))
  return promise
}

const portTaken = (port: number, flag: string, cause: unknown): CliError =>
  new CliError(
    {
      code: 'WB4011',
      what: `port ${port} is in use`,
      where: `127.0.0.1:${port}`,
      why: 'another process listens there',
      next: `choose another one: waybill dev ${flag} ${port + 1}`,
      exitCode: exit.refused,
    },
    { cause },
  )
