import { rename, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join, resolve } from 'node:path'
import { CliError } from '../error.ts'
import { exit } from '../exit.ts'
import { isAlive, projectFileName, readProjectFile, type ProjectFile } from '../project-file.ts'

/**
 * The data folder, once it is known that nobody else is at it. Nothing is made yet. The lock of the
 * store decides; this only says it sooner and better.
 */
export async function checkFolder(data: string): Promise<string> {
  const folder = resolve(process.env['INIT_CWD'] ?? process.cwd(), data)
  const before = readProjectFile(join(folder, projectFileName))
  // Process numbers come back: only one that also listens is the one that wrote the file.
  if (before && isAlive(before.pid) && (await listens(before.url))) throw inUse(folder, before)
  return folder
}

async function listens(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url)
  const { promise, resolve: answer } = Promise.withResolvers<boolean>()
  const socket = connect({ host: hostname, port: Number(port) })
  socket.once('connect', () => answer(true)).once('error', () => answer(false))
  return promise.finally(() => socket.destroy())
}

const inUse = (folder: string, { pid, http }: ProjectFile): CliError =>
  new CliError({
    code: 'WB4012',
    what: 'another `waybill dev` runs on this data folder',
    where: folder,
    why: `process ${pid} holds it, at ${http}`,
    next: `stop process ${pid}, or use another folder: waybill dev --data <folder>`,
    exitCode: exit.refused,
  })

/** Tells the commands beside it where everything is; gone when this process ends well. */
export async function announce(folder: string, file: ProjectFile): Promise<AsyncDisposable> {
  const path = join(folder, projectFileName)
  const fresh = `${path}.${process.pid}`
  // Whole or not at all: others read it while it is written.
  await writeFile(fresh, `${JSON.stringify(file, undefined, 2)}\n`)
  await rename(fresh, path)
  return { [Symbol.asyncDispose]: () => rm(path, { force: true }) }
}
