import { LETTER_VERSION, parseId } from '@waybill/core'
import { decodeEntry } from '@waybill/log'
import type { z } from 'zod'
import { defineApp, type App } from '../app.ts'
import type { Binding } from '../binding.ts'
import type { ClientSendOptions } from '../client.ts'
import { durationMs, type Duration } from '../define/duration.ts'
import type { EventDefinition } from '../event.ts'
import type { TestDispatch, TestEvent, TestTransition } from './dispatches.ts'
import { openWorld, plan, type World } from './open.ts'
import { replayJournal } from './replay.ts'

export type TestBedOptions = (
  | { readonly app: App }
  | { readonly bindings: readonly Binding[]; readonly name?: string }
) & {
  /** What the bed's clock shows at first; default 2026-01-01T00:00:00Z. */
  readonly start?: Date
  /** Real time for handlers that wait on something real (a timer, a socket); default 1 s. */
  readonly patience?: Duration
}

/**
 * An app with the engine that runs it in production, over a log in memory and a clock that stands
 * still. Whatever can be asked of it has settled when a call resolves.
 */
export interface TestBed extends AsyncDisposable {
  readonly now: Date
  /** Sends an event; answers the dispatches it started, as they stand once nothing moves. */
  send<Definition extends EventDefinition>(
    event: Definition,
    data: z.input<Definition['schema']>,
    options?: ClientSendOptions,
  ): Promise<readonly TestDispatch[]>
  send(type: string, data: unknown, options?: ClientSendOptions): Promise<readonly TestDispatch[]>
  /** Lets time pass: what is due on the way happens in order, each at its own time. */
  advance(by: Duration): Promise<void>
  /** Resolves once so much of the bed's time has passed: for a handler that takes its time. */
  sleep(by: Duration): Promise<void>
  cancel(dispatch: TestDispatch, reason?: string): Promise<void>
  /** Every event that was taken, with each binding's verdict on it. */
  events(): readonly TestEvent[]
  /** Why inputs were put aside instead of taken: a defect, or an event that is not what it says. */
  quarantined(): readonly string[]
  dispatches(): readonly TestDispatch[]
  /** Those that a limit keeps waiting; `waitsFor` says which, and with which numbers. */
  waiting(): readonly TestDispatch[]
  deadLetters(): readonly TestDispatch[]
  history(dispatch: TestDispatch): readonly TestTransition[]
  /** Recorded entries, as canonical bytes; without the epochs, which tell about the host. */
  journal(): readonly Uint8Array[]
  /** Decides everything recorded again. @throws ReplayDiverged at the first different byte */
  replay(): { readonly entries: number }
  close(): Promise<void>
}

export async function createTestBed(options: TestBedOptions): Promise<TestBed> {
  const app = 'app' in options ? options.app : defineApp({ name: 'test', ...bindingsOf(options) })
  const { start = new Date('2026-01-01T00:00:00Z'), patience = '1s' } = options
  const world = await openWorld(inline(app), start.getTime(), msOf(patience))
  const { clock, client, host, dispatches, journals, settle } = world
  const journal = journals.get(app.name) ?? []
  let letters = 0

  async function send(about: string | EventDefinition, data: unknown, own?: ClientSendOptions) {
    const { id: event } = await client.send(about as string, data, own) // or the other overload
    await settle()
    return dispatches.all.filter((dispatch) => dispatch.event === event)
  }

  async function cancel({ id: dispatch }: TestDispatch, reason = 'cancelled by the test') {
    letters += 1
    await host.post(parseId(dispatch)?.slot ?? 0, {
      v: LETTER_VERSION,
      id: `letter-${letters}`,
      from: { kind: 'client', id: 'test' },
      body: { kind: 'cancel', target: { kind: 'dispatch', dispatch }, by: 'test', reason },
    })
    await settle()
  }

  return {
    get now() {
      return new Date(clock.now())
    },
    send,
    advance: (by) => advance(world, msOf(by)),
    sleep: async (by) => world.sleep(msOf(by)),
    cancel,
    events: () => [...dispatches.events],
    quarantined: () => [...dispatches.quarantined],
    dispatches: () => dispatches.all,
    waiting: () => dispatches.all.filter(({ waitsFor }) => waitsFor),
    deadLetters: () => dispatches.all.filter(({ state }) => state === 'dlq'),
    history: (dispatch) => dispatches.history(dispatch.id),
    journal: () => journal.filter((bytes) => decodeEntry(bytes).input.kind !== 'epoch'),
    replay() {
      let entries = 0
      for (const [name, recorded] of journals) {
        replayJournal({ app: name, generation: plan.generation, slot: 0 }, recorded)
        entries += recorded.length
      }
      return { entries }
    },
    close: world.close,
    [Symbol.asyncDispose]: world.close,
  }
}

async function advance({ clock, settle }: World, ms: number): Promise<void> {
  const target = clock.now() + ms
  for (let next = clock.next(); next !== undefined && next <= target; next = clock.next()) {
    clock.advanceTo(next)
    await settle()
  }
  clock.advanceTo(target)
  await settle()
}

function msOf(duration: Duration): number {
  const ms = durationMs(duration)
  if (ms === undefined) throw new RangeError(`${JSON.stringify(duration)} is no duration`)
  return ms
}

/** In a test all code runs where it can be looked at, also what asks for a process of its own. */
function inline(app: App): App {
  const definitions = app.definitions.map((definition) => ({
    ...definition,
    handler: { ...definition.handler, isolate: false },
  }))
  return { ...app, definitions }
}

function bindingsOf(options: TestBedOptions): { name?: string; bindings: readonly Binding[] } {
  if (!('bindings' in options)) throw new TypeError('a test bed needs an app or bindings')
  const { bindings, name } = options
  return { bindings, ...(name === undefined ? {} : { name }) }
}
