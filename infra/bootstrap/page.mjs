import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { capture, refuseWhenInterrupted, tail } from './child.mjs'
import { root } from './place.mjs'
import { Problem, say } from './problem.mjs'

const folder = join(root, 'packages', 'page')
const built = join(folder, 'dist', 'page')
const stampFile = join(built, '.waybill-built')

/** What goes into the page; packages that it takes code from, whole: a build costs less than a second. */
const inputs = [
  join(root, 'pnpm-lock.yaml'),
  ...['src', 'public', 'index.html', 'package.json', 'vite.config.ts'].map((name) =>
    join(folder, name),
  ),
  join(root, 'packages', 'api', 'src'),
]

/** Is it made of what lies here now? */
export function isPageBuilt() {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stampOf(inputs)
}

/** Under the lock, so it looks again first: whoever held it before may have built it. */
export async function preparePage({ node, env }) {
  if (isPageBuilt()) return
  const stamp = stampOf(inputs)
  say("building the dashboard's page (vite build)")
  const vite = join(folder, 'node_modules', 'vite', 'bin', 'vite.js')
  const result = await capture(node, [vite, 'build'], { cwd: folder, env })
  refuseWhenInterrupted()
  if (result.code !== 0) throw buildFailed(result)
  writeFileSync(stampFile, stamp)
}

function stampOf(paths) {
  const hash = createHash('sha256')
  for (const file of paths.flatMap(filesIn)) {
    hash.update(file.slice(root.length)).update('\0').update(readFileSync(file)).update('\0')
  }
  return hash.digest('hex')
}

function filesIn(path) {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path, { recursive: true })
    .map((name) => join(path, name))
    .filter((file) => statSync(file).isFile())
    .sort()
}

function buildFailed(result) {
  return new Problem({
    code: 'bootstrap.page-failed',
    what: "the dashboard's page could not be built",
    where: folder,
    why: tail(result, 12),
    next: 'npm run pnpm -- --filter @waybill/page build',
  })
}
