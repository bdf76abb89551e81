import { parseArgs } from 'node:util'
import { doors } from './doors.ts'
import { fuzz } from './run.ts'

/* node --conditions=@waybill/source test/fuzz/main.ts --inputs 1000000 --seed 1 --json */
const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
})
const { failures, ...report } = await fuzz(doors, {
  inputs: Number(values.inputs),
  seed: Number(values.seed),
})
for (const { door, seed, error } of failures) {
  process.stderr.write(`${door}, --inputs 1 --seed ${seed}: `)
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
}
process.stdout.write(`${JSON.stringify(report, null, values.json ? undefined : 2)}\n`)
process.exitCode = failures.length > 0 ? 1 : 0
