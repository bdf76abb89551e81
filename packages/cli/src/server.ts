import { CliError } from './error.ts'
import { exit } from './exit.ts'
import { findProjectFile, isAlive, type ProjectFile } from './project-file.ts'

export interface Server {
  readonly url: string
  /** The `waybill dev` that runs here, when it is the one that was found. */
  readonly project: ProjectFile | undefined
}

/** `--server`, `NATS_URL`, or the `waybill dev` that runs in this project. */
export function findServer(flag: string | undefined): Server {
  const named = flag ?? process.env['NATS_URL']
  if (named !== undefined && named !== '') return { url: named, project: undefined }
  const found = findProjectFile(process.env['INIT_CWD'] ?? process.cwd())
  if (!found) {
    throw new CliError({
      code: 'WB4003',
      what: 'there is nothing to connect to',
      why: 'no `waybill dev` runs in this folder or above it, and no server is named',
      next: 'start one with `npm start` or `waybill dev --app <file>`, or name one with --server or NATS_URL',
      exitCode: exit.unreachable,
    })
  }
  if (isAlive(found.file.pid)) return { url: found.file.url, project: found.file }
  throw new CliError({
    code: 'WB4003',
    what: '`waybill dev` is not running any more',
    where: found.path,
    why: `process ${found.file.pid} is gone and did not clear up`,
    next: `start it again: waybill dev --app ${decodeURI(found.file.module.replace(/^file:\/\//, ''))}`,
    exitCode: exit.unreachable,
  })
}

/** Addresses may hold `user:password@`. */
export const withoutPassword = (url: string): string => url.replace(/\/\/[^@/]*@/g, '//')
