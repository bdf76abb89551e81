import { parseArgs } from 'node:util'
import type { FaultKind } from './faults.ts'
import { mutants } from './mutants.ts'
import { plant } from './plant.ts'
import type { Options } from './options.ts'
import type { Outcome } from './simulation.ts'

const usage = `simulate --seed N            one seed: its option set, what came of it, shrunk if it fails
         --seeds N [--from M] a campaign [--jobs N]
         --mutants            the planted faults, one name a line
         --mutant NAME        plants it; fails with the invariant, the seed and the shrunk faults
                              [--seed N: this one only] [--seeds N: at most, default ${500}]
         --table              every mutant, until it is caught: docs/mutants.md
         [--json] [--quick: what fails is not shrunk]`

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    from: { type: 'string', default: '0' },
    jobs: { type: 'string' },
    json: { type: 'boolean', default: false },
    mutants: { type: 'boolean', default: false },
    mutant: { type: 'string' },
    table: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

process.exitCode = await main()

/** @returns 0 all held, 1 something broke, 2 asked wrongly */
async function main(): Promise<number> {
  if (values.help) return say(usage, 0)
  if (values.mutants) return say(mutants.map(({ name }) => name).join('\n'), 0)
  if (values.table) return (await import('./table.ts')).writeTable(values.jobs)
  if (values.mutant !== undefined) return hunt(values.mutant)
  if (values.seeds !== undefined) return many(Number(values.seeds))
  if (values.seed !== undefined) return one(Number(values.seed))
  return say(usage, 2)
}

// What is simulated is imported late: a mutant is planted in it before.

async function one(seed: number): Promise<number> {
  const [{ drawOptions }, { simulate }] = await load()
  const options = drawOptions(seed)
  const outcome = await simulate(options)
  print(outcome)
  if (outcome.violations.length === 0) return 0
  print(await failure(outcome))
  return 1
}

async function many(seeds: number): Promise<number> {
  const { campaign, succeededShare } = await import('./campaign.ts')
  const { summaryOf } = await import('./report.ts')
  const began = performance.now()
  const jobs = values.jobs === undefined ? undefined : Number(values.jobs)
  const tally = await campaign(Number(values.from), seeds, jobs)
  print(summaryOf(tally, performance.now() - began))
  return tally.failed.length === 0 && succeededShare(tally) > 0.4 ? 0 : 1
}

async function hunt(name: string): Promise<number> {
  const mutant = mutants.find((one) => one.name === name)
  if (!mutant) return say(`no mutant is called ${name}; --mutants lists them`, 2)
  const planted = plant(mutant)
  const [{ drawOptions }, { simulate }] = await load()
  if (!planted()) throw new Error(`${name}: ${mutant.file} was not loaded`)
  const from = Number(values.seed ?? values.from)
  const most = values.seed === undefined ? Number(values.seeds ?? 500) : 1
  const needs = values.seed === undefined ? mutant.needs : undefined
  for (let seed = from, tried = 0; tried < most; seed++) {
    const options = drawOptions(seed)
    if (!hasNeeded(options, needs)) continue
    tried += 1
    const outcome = await simulate(options)
    if (outcome.violations.length === 0) continue
    print({ mutant: name, seedsUntilCaught: tried, ...(await failure(outcome)) })
    return 1
  }
  return say(`${name} was not caught by ${most} seeds`, 0)
}

function hasNeeded({ faults }: Options, needs: FaultKind | undefined): boolean {
  return needs === undefined || faults.some(({ kind }) => kind === needs)
}

function load() {
  return Promise.all([import('./options.ts'), import('./simulation.ts')])
}

async function failure(outcome: Outcome): Promise<object> {
  const { shrink } = await import('./shrink.ts')
  const { failureOf } = await import('./report.ts')
  return failureOf(values.quick ? outcome : await shrink(outcome))
}

function print(what: object): void {
  console.log(values.json ? JSON.stringify(what) : JSON.stringify(what, undefined, 1))
}

function say(text: string, code: number): number {
  console.log(text)
  return code
}
