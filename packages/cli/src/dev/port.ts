import { createServer } from 'node:net'
import { CliError } from '../error.ts'
import { exit } from '../exit.ts'

/** Looked at before anything is started: a start that fails half-way has more to clear up. */
export async function checkPort(port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const server = createServer()
  server.once('error', reject)
  server.listen(port, '127.0.0.1', () => server.close(() => resolve()))
  try {
    await promise
  } catch (cause) {
    throw portTaken(port, cause)
  }
}

const portTaken = (port: number, cause: unknown): CliError =>
  new CliError(
    {
      code: 'WB4011',
      what: `port ${port} is in use`,
      where: `127.0.0.1:${port}`,
      why: 'another process listens there',
      next: `choose another one: waybill dev --port ${port + 1}`,
      exitCode: exit.refused,
    },
    { cause },
  )
