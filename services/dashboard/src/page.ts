import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { serveStatic } from '@hono/node-server/serve-static'
import { noSuchPath } from '@waybill/api/http'
import { compress } from 'hono/compress'
import type { Context, Hono, MiddlewareHandler } from 'hono'

/** Names of built files carry a hash of what is in them, so they never change. */
const hashed = /^\/assets\//

/** The built page: its files, and `index.html` for everything that only the page knows. */
export function addPage(app: Hono, root: string): void {
  const isBuilt = () => existsSync(join(root, 'index.html'))
  // Made when they are there: it is built while this runs, too.
  let files: MiddlewareHandler | undefined
  let index: MiddlewareHandler | undefined
  app.use('/assets/*', compress())
  app.get('/*', async (context, next) => {
    if (!isBuilt()) return notBuilt(context, root)
    files ??= serveStatic({ root, precompressed: true })
    index ??= serveStatic({ root, path: 'index.html', precompressed: true })
    const { path } = context.req
    const served = await (/\.\w+$/.test(path) ? files : index)(context, next)
    const kept = hashed.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache'
    // What is not there was left to the next route, which answers elsewhere.
    if (!(served instanceof Response)) return undefined
    served.headers.set('cache-control', kept)
    return served
  })
  app.get('/*', ({ req }) => {
    throw noSuchPath(req.path)
  })
}

const notBuilt = (context: Context, folder: string): Response =>
  context.text(
    `The page is not built: there is no index.html in ${folder}.\n` +
      `Build it: npm run build\n` +
      `The API is here all the same: /api/v1/openapi.json\n`,
    503,
  )
