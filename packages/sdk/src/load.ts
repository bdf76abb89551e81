import { isAbsolute, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { WaybillError } from '@waybill/core'
import type { App } from './app.ts'

/**
 * Imports a module and finds its app: the default export, or the one named `app`. The app it
 * returns knows its module, so that a child process can load the same code.
 *
 * @param path file URL, or a path from the working directory
 * @throws WaybillError WB1002 when there is no app in it, WB1003 when it cannot be imported
 */
export async function loadApp(path: string): Promise<App> {
  const url = path.startsWith('file:')
    ? path
    : pathToFileURL(isAbsolute(path) ? path : resolve(path)).href
  const module = await importModule(url)
  const found = [module['default'], module['app']].find(isApp)
  if (found) return { ...found, module: url }
  throw new WaybillError({
    code: 'WB1002',
    what: 'the module exports no app',
    where: url,
    why: `it exports ${Object.keys(module).join(', ') || 'nothing'}`,
    next: 'export const app = defineApp({ name, bindings })',
  })
}

async function importModule(url: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(url)) as Record<string, unknown>
  } catch (cause) {
    throw new WaybillError(
      {
        code: 'WB1003',
        what: 'the module of the app cannot be imported',
        where: url,
        why: cause instanceof Error ? cause.message : String(cause),
      },
      { cause },
    )
  }
}

function isApp(value: unknown): value is App {
  if (typeof value !== 'object' || value === null) return false
  const app = value as Partial<App>
  return (
    typeof app.name === 'string' && Array.isArray(app.definitions) && typeof app.run === 'function'
  )
}
