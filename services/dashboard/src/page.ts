import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { serveStatic } from '@hono/node-server/serve-static'
import type { Context, Hono } from 'hono'

/** Names of built files carry a hash of what is in them, so they never change. */
const hashed = /^\/assets\//

/** The built page: its files, and `index.html` for everything that only the page knows. */
export function addPage(app: Hono, folder: string): void {
  let files: ReturnType<typeof createFiles> | undefined
  app.get('/*', async (context, next) => {
    if (!existsSync(join(folder, 'index.html'))) return notBuilt(context, folder)
    files ??= createFiles(folder)
    const isFile = /\.\w+$/.test(context.req.path)
    return (isFile ? files.file : files.index)(context, next)
  })
}

function createFiles(root: string) {
  const onFound = (_path: string, context: Context) => {
    const kept = hashed.test(context.req.path)
    context.header('cache-control', kept ? 'public, max-age=31536000, immutable' : 'no-cache')
  }
  return {
    file: serveStatic({ root, precompressed: true, onFound }),
    index: serveStatic({ root, path: 'index.html', precompressed: true, onFound }),
  }
}

const notBuilt = (context: Context, folder: string): Response =>
  context.text(
    `The page is not built: there is no index.html in ${folder}.\n` +
      `Build it: npm run build\n` +
      `The API is here all the same: /api/v1/openapi.json\n`,
    503,
  )
