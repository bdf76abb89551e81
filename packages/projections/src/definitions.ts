import { canonicalJson } from './json.ts'
import type { Projection } from './projection.ts'
import { nothing } from './projection.ts'

/**
 * What each change of an app's definitions brought. Every partition of the app reads the same
 * changes in the same order and so writes the same rows; the first one to come is the one kept.
 */
export const definitions: Projection = {
  tables: ['definition', 'binding'],
  fold({ input, facts }, { app }) {
    if (input.kind !== 'def' || facts[0]?.kind !== 'def.applied') return nothing
    // What an operator sets is no definition; who asks for limits in force asks their owner.
    if (input.change.kind !== 'deploy') return nothing
    const { number, at, by, active, manifests, eventsFrom } = input.change
    const definition = { app, number, at, by, active: canonicalJson(active) }
    return [
      {
        table: 'definition',
        row: { ...definition, events_from: canonicalJson(eventsFrom) },
      },
      ...manifests.map((manifest) => ({
        table: 'binding' as const,
        row: {
          app,
          binding: manifest.id,
          version: manifest.version,
          definitions: number,
          at,
          manifest: canonicalJson(manifest),
        },
      })),
    ]
  },
}
