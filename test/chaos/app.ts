import { defineApp, defineBinding, defineEvent } from '@waybill/sdk'
import { appendFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import type { Effect } from './effects.ts'

export const work = defineEvent('chaos.work', z.object({ n: z.int(), pad: z.string() }))
const followed = defineEvent('chaos.followed', z.object({ n: z.int() }))

/** Only where the harness asks for it: whoever judges loads this module too, and runs nothing. */
const file = process.env['CHAOS_EFFECTS']

interface Run {
  readonly dispatch: string
  readonly attempt: number
  readonly idempotencyKey: string
  readonly fencingToken: string
}

/** In the file before the handler goes on: a kill right after it takes nothing back. */
function note(how: Effect['how'], run: Run): void {
  if (file === undefined) return
  const { dispatch, attempt, idempotencyKey: key, fencingToken: token } = run
  const effect: Effect = { how, dispatch, attempt, key, token, pid: process.pid }
  appendFileSync(file, `${JSON.stringify(effect)}\n`)
}

/** Kills are meant to hit attempts, so there are more of them than any dispatch will see. */
const often = { attempts: 40, backoff: 'fixed', delay: '20ms', jitter: 'none' } as const

export const app = defineApp({
  name: 'chaos',
  bindings: [
    defineBinding({
      id: 'quick',
      on: work,
      retry: often,
      handler: async (run) => {
        note('began', run)
        if (run.data.n % 7 === 0) await run.send(followed, { n: run.data.n })
        note('returned', run)
      },
    }),
    defineBinding({
      id: 'slow',
      on: work,
      retry: often,
      handler: async (run) => {
        note('began', run)
        await pause(30)
        if (run.attempt === 1 && run.data.n % 5 === 0) throw new Error('the first time it fails')
        note('returned', run)
      },
    }),
    // Through limits whose ledgers are mostly elsewhere: a permit that a kill leaks would hold up
    // the rest, one that is granted twice is found in the journal.
    defineBinding({
      id: 'shared',
      on: work,
      when: 'event.data.n % 4 == 0',
      key: ({ data }) => `k${data.n % 48}`,
      flow: { key: 'queue', concurrency: { max: 48, scope: 'app', name: 'chaos' } },
      retry: often,
      handler: async (run) => {
        note('began', run)
        if (run.attempt === 1 && run.data.n % 12 === 0) throw new Error('the first time it fails')
        note('returned', run)
      },
    }),
    defineBinding({
      id: 'follow',
      on: followed,
      retry: often,
      handler: async (run) => {
        note('began', run)
        note('returned', run)
      },
    }),
  ],
})
