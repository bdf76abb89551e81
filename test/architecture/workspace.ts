import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '..', '..')

export interface Member {
  /** `core`, `ingress` ...: the name without the scope. */
  readonly name: string
  readonly dir: string
  readonly dependencies: readonly string[]
  /** Packages its tsconfig builds first, as directories relative to the root. */
  readonly references: readonly string[]
}

interface Manifest {
  readonly name: string
  readonly dependencies?: Record<string, string>
}

/** Every workspace package that ships sources; `test` depends on all of them and is none. */
export async function members(): Promise<Member[]> {
  const places = await Promise.all(['packages', 'services', 'infra'].map(directories))
  const found = await Promise.all(places.flat().map(member))
  return found.filter((one) => one !== undefined)
}

export async function sources(dir: string): Promise<string[]> {
  const files = await readdir(join(root, dir, 'src'), { recursive: true })
  return files.filter((file) => file.endsWith('.ts')).map((file) => join(dir, 'src', file))
}

async function directories(parent: string): Promise<string[]> {
  const entries = await readdir(join(root, parent), { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(parent, entry.name))
}

async function member(dir: string): Promise<Member | undefined> {
  const text = await readFile(join(root, dir, 'package.json'), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const { name, dependencies = {} } = JSON.parse(text) as Manifest // pnpm has refused worse already
  const { references = [] } = JSON.parse(
    await readFile(join(root, dir, 'tsconfig.json'), 'utf8'),
  ) as { references?: { path: string }[] }
  return {
    name: name.replace('@waybill/', ''),
    dir,
    dependencies: Object.keys(dependencies),
    references: references.map(({ path }) => join(dir, path)),
  }
}
