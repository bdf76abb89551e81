import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { capture, interrupted, run } from './child.mjs'
import { cache, root } from './place.mjs'

const demoMs = 300_000
const report = join(cache, 'test', 'vitest.json')
const bin = (name) => join(root, 'node_modules', '.bin', name)

const checks = {
  types: ['tsc', '-b'],
  lint: ['oxlint', '--type-aware', '--deny-warnings'],
  format: ['oxfmt', '--check', '.'],
  'dead code': ['knip', '--no-progress'],
}

/** Types, lint, format and dead code, side by side. */
export async function check(toolchain) {
  return exitCode(await runChecks(toolchain))
}

/** The checks, then every test; ends with the totals. Arguments go to vitest and skip the checks. */
export async function test(toolchain, args) {
  const checked = args.length === 0 ? await runChecks(toolchain) : nothing
  return conclude(sum(checked, interrupted() ? nothing : await runTests(toolchain, args)))
}

/** What CI runs: the tests, then the demo as a smoke test of the whole. */
export async function verify(toolchain) {
  const checked = await runChecks(toolchain)
  const tested = interrupted() ? nothing : await runTests(toolchain, [])
  const shown = interrupted() ? nothing : await runDemo(toolchain)
  return conclude(sum(checked, tested, shown))
}

async function runChecks({ env }) {
  const results = Object.entries(checks).map(async ([name, [command, ...args]]) => {
    const since = Date.now()
    const result = await capture(bin(command), args, { cwd: root, env })
    return print(name, result, Date.now() - since)
  })
  return sum(...(await Promise.all(results)))
}

async function runTests({ env }, args) {
  mkdirSync(join(cache, 'test'), { recursive: true })
  rmSync(report, { force: true })
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const code = await run(bin('vitest'), ['run', ...reporters, ...args], { cwd: root, env })
  return countTests(code)
}

/** A file that fails to load has no tests to fail, and still is a failure. */
function countTests(code) {
  if (!existsSync(report)) return { passed: 0, failed: 1 }
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'))
  const broken = testResults.filter(
    (file) =>
      file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed'),
  )
  const failed = numFailedTests + broken.length
  return { passed: numPassedTests, failed: code === 0 ? failed : Math.max(1, failed) }
}

async function runDemo(toolchain) {
  const since = Date.now()
  const args = ['infra/bootstrap/run.mjs', 'demo', '--json']
  const result = await capture(toolchain.node, args, {
    cwd: root,
    env: toolchain.env,
    timeout: demoMs,
  })
  return print('demo', result, Date.now() - since)
}

function print(name, result, tookMs) {
  const passed = result.code === 0
  const output = passed
    ? ''
    : `${result.stdout}${result.stderr}`.trimEnd().replace(/^/gm, '    ') + '\n'
  process.stdout.write(`${passed ? '✓' : '✗'} ${name} (${(tookMs / 1000).toFixed(1)} s)\n${output}`)
  return { passed: Number(passed), failed: Number(!passed) }
}

function conclude(counts) {
  process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`)
  return exitCode(counts)
}

function exitCode({ failed }) {
  if (interrupted()) return 130
  return failed === 0 ? 0 : 1
}

const nothing = { passed: 0, failed: 0 }

function sum(...counts) {
  return counts.reduce(
    (total, { passed, failed }) => ({
      passed: total.passed + passed,
      failed: total.failed + failed,
    }),
    nothing,
  )
}
