import { registerHooks } from 'node:module'

/*
 * Loaded before a service (`--import`): its `run.ts` gets ports that know the crash points, from
 * the modules beside this one. So no product file knows of any.
 */
const watched: Readonly<Record<string, string>> = {
  '@waybill/log': new URL('log.ts', import.meta.url).href,
  '@waybill/projections': new URL('projections.ts', import.meta.url).href,
}

registerHooks({
  resolve(specifier, context, next) {
    const isService = /\/services\/[a-z]+\/src\/run\.ts$/.test(context.parentURL ?? '')
    const url = isService ? watched[specifier] : undefined
    return url === undefined ? next(specifier, context) : { url, shortCircuit: true }
  },
})
