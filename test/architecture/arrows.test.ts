import { readFile } from 'node:fs/promises'
import { builtinModules } from 'node:module'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { members, root, sources } from './workspace.ts'

const domain = ['core', 'log', 'engine', 'projections', 'api', 'sdk']

/** Who may import whom. A new arrow is a decision: it is made here first. */
const arrows: Record<string, readonly string[]> = {
  core: [],
  log: ['core'],
  history: ['core', 'log'],
  engine: ['core', 'log'],
  projections: ['core', 'log'],
  api: ['core'],
  sdk: ['core', 'log', 'engine', 'api'],
  page: ['core', 'api'],
  service: [],
  nats: [],
  ingress: [...domain, 'service'],
  dispatcher: [...domain, 'service'],
  projector: [...domain, 'history', 'service'],
  dashboard: [...domain, 'page', 'service'],
  cli: [...domain, 'history', 'service', 'nats', 'ingress', 'dispatcher', 'projector', 'dashboard'],
  'example-github': ['sdk'],
}

const packages = await members()

test('every package has its arrows, and no arrow is left over', () => {
  expect(packages.map(({ name }) => name).sort()).toEqual(Object.keys(arrows).sort())
})

test('what is under the MPL is in no package that is built (docs/adr/0010)', () => {
  const takers = packages.filter(({ dependencies }) => dependencies.includes('axe-core'))
  expect(takers.map(({ name }) => name)).toEqual([])
})

describe.each(packages)('$name', ({ name, dir, dependencies, references }) => {
  const own = dependencies.filter((dependency) => dependency.startsWith('@waybill/'))

  test('depends only on packages below it', () => {
    const allowed = arrows[name]?.map((below) => `@waybill/${below}`)
    expect(own.filter((dependency) => !allowed?.includes(dependency))).toEqual([])
  })

  test('is built after what it depends on', () => {
    const built = references.map((path) => packages.find((one) => one.dir === path)?.name)
    expect(built.map((below) => `@waybill/${below}`).sort()).toEqual(own.toSorted())
  })

  test('imports only what it declares, and exports by name', async () => {
    const wrong: string[] = []
    for (const file of await sources(dir)) {
      const text = await readFile(join(root, file), 'utf8')
      for (const specifier of imported(text)) {
        if (!isAllowed(specifier, file, dir, dependencies)) wrong.push(`${file}: ${specifier}`)
      }
      if (/^\s*export \*/m.test(text)) wrong.push(`${file}: export *`)
    }
    expect(wrong).toEqual([])
  })
})

/** Static and dynamic imports and re-exports. Text is enough: the fixtures of lint catch the rest. */
function imported(text: string): string[] {
  const patterns = [
    /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /^\s*import\s+['"]([^'"]+)['"]/gm,
    /\bimport\(\s*['"]([^'"]+)['"]/g,
  ]
  return patterns.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1] ?? ''))
}

function isAllowed(
  specifier: string,
  file: string,
  dir: string,
  dependencies: readonly string[],
): boolean {
  if (specifier.startsWith('.')) return join(file, '..', specifier).startsWith(join(dir, 'src'))
  if (specifier.startsWith('node:'))
    return builtinModules.includes(specifier.slice(5)) || specifier === 'node:sqlite'
  return dependencies.some((name) => specifier === name || specifier.startsWith(`${name}/`))
}

test('the reader of imports sees every form of them', () => {
  const text = [
    `import a from 'a'`,
    `import {\n  b,\n} from "b"`,
    `import 'c'`,
    `export { d } from 'd'`,
    `export type { e } from 'e'`,
    `const f = await import('f')`,
    `// import g from`,
  ].join('\n')
  expect(imported(text).sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
})
