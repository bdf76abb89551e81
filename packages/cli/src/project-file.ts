import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** What a running `waybill dev` leaves for the commands beside it; removed when it ends. */
export interface ProjectFile {
  readonly v: 1
  readonly pid: number
  readonly app: string
  /** File URL of the module that exports the app. */
  readonly module: string
  /** Of NATS. */
  readonly url: string
  /** Of the ingress. */
  readonly http: string
  readonly dashboard: string
  readonly prefix: string
  /** Of the embedded server: is an acknowledged message on the disk? */
  readonly sync: 'always' | 'default'
  readonly startedAt: number
}

export const dataFolder = '.waybill'
export const projectFileName = 'dev.json'

/**
 * That of the data folder which WAYBILL_DATA names; else the nearest one, from here upwards, so
 * that commands work in every folder of a project.
 */
export function findProjectFile(from: string): { file: ProjectFile; path: string } | undefined {
  const named = process.env['WAYBILL_DATA']
  if (named !== undefined && named !== '') return found(join(named, projectFileName))
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const here = found(join(folder, dataFolder, projectFileName))
    if (here || dirname(folder) === folder) return here
  }
}

function found(path: string): { file: ProjectFile; path: string } | undefined {
  const file = readProjectFile(path)
  return file && { file, path }
}

export function readProjectFile(path: string): ProjectFile | undefined {
  try {
    const file = JSON.parse(readFileSync(path, 'utf8')) as Partial<ProjectFile>
    // Written whole by `waybill dev`; another version's file is as good as none.
    return file.v === 1 && typeof file.url === 'string' ? (file as ProjectFile) : undefined
  } catch {
    return undefined
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    // It is there, but somebody else's.
    return (cause as NodeJS.ErrnoException).code === 'EPERM'
  }
}
