import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { mutants } from './mutants.ts'
import seeds from './mutants/seeds.json' with { type: 'json' }
import { mutate } from './plant.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const source = ['--conditions=@waybill/source', '--disable-warning=ExperimentalWarning']
/** Most of a short run is the loading of what it runs, which is the same for all of them. */
const env = { ...process.env, NODE_COMPILE_CACHE: here('../../.cache/compile') }
const seedOf: Readonly<Record<string, number>> = seeds

describe('planted faults', () => {
  test('are many, and each has a seed that catches it', () => {
    expect(mutants.length).toBeGreaterThanOrEqual(30)
    expect(Object.keys(seedOf).sort()).toEqual(mutants.map(({ name }) => name).sort())
  })

  test('stand in docs/mutants.md, each with how many seeds it took', async () => {
    const text = await readFile(here('../../docs/mutants.md'), 'utf8')
    const rows = [...text.matchAll(/^\| `([^`]+)` \|.*?\| (\d+) \|/gm)]
    const said = new Map(rows.map(([, name, took]) => [name, Number(took)]))
    expect([...said.keys()]).toEqual(mutants.map(({ name }) => name))
    for (const { name, needs } of mutants) {
      const seeds = (seedOf[name] ?? 0) + 1
      if (needs === undefined) expect(said.get(name), name).toBe(seeds)
      // Seeds without what it needs were not tried.
      else expect(said.get(name), name).toBeLessThan(seeds)
    }
  })

  // When this fails the product's text has moved on, and the mutant has to follow it.
  test.each(mutants)('$name has its place in the text', async (mutant) => {
    const text = await readFile(here(`../../${mutant.file}`), 'utf8')
    expect(mutate(mutant, text)).not.toBe(text)
  })

  test.concurrent.each(mutants)('$name is caught', async ({ name }) => {
    const found = await simulate(
      '--mutant',
      name,
      '--seed',
      String(seedOf[name]),
      '--json',
      '--quick',
    )
    expect(found).toMatchObject({ mutant: name, seed: seedOf[name] })
  })
})

/** What is printed; an exit code of 1 says that something broke, as it must. */
function simulate(...args: readonly string[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [...source, here('main.ts'), ...args],
      { env },
      (cause, stdout, stderr) => {
        if (cause?.code === 1 && stdout.startsWith('{')) resolve(JSON.parse(stdout))
        else reject(new Error(`${stdout}${stderr}`, { cause }))
      },
    )
  })
}
