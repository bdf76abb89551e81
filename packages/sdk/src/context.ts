import { PermanentError, type AttemptRun, type EventDraft, type Plain } from '@waybill/core'
import type { z } from 'zod'
import { checkData, type EventDefinition, type TypedEvent } from './event.ts'

export interface SendOptions {
  readonly subject?: string
  /**
   * Two events of one binding with the same key are one event. The default is the dispatch's
   * idempotency key and the number of the send, so an attempt that runs again sends nothing twice.
   */
  readonly dedupeKey?: string
  /** Events of one key are handled in the order they were accepted. */
  readonly partitionKey?: string
}

/** What a handler holds in its hand for one attempt. */
export interface HandlerContext<Event = TypedEvent, Input = Readonly<Record<string, never>>> {
  readonly event: Event
  readonly data: Event extends { readonly data: infer Data } ? Data : unknown
  /** All that this run is for, `event` first: the members of a batch, else `event` alone. */
  readonly events: readonly Event[]
  /** What the binding's `input` paths lead to. */
  readonly input: Input
  /** Id of the dispatch. */
  readonly dispatch: string
  /** From 1. */
  readonly attempt: number
  /** Events that it stands for: the members of a batch, or a debounce's row; 1 for itself alone. */
  readonly standsFor: number
  /** The same over all attempts and redrives: hand it to whatever must not be done twice. */
  readonly idempotencyKey: string
  /** Rises with every attempt, for targets that refuse an older writer. */
  readonly fencingToken: string
  /** When the attempt is over, whatever the handler does. */
  readonly deadline: Date
  /** Aborted at the deadline, on cancel, and when this process stops or loses the partition. */
  readonly signal: AbortSignal
  /** Stores a follow-up event, one deeper in the chain; resolves with its id when the log has it. */
  readonly send: <Definition extends EventDefinition>(
    event: Definition,
    data: z.input<Definition['schema']>,
    options?: SendOptions,
  ) => Promise<string>
}

export interface ContextParts {
  readonly app: string
  readonly binding: string
  readonly run: AttemptRun<AbortSignal>
  /** The first one, and then those it stands for, with their data as the schema gives it out. */
  readonly events: readonly [TypedEvent, ...TypedEvent[]]
  readonly input: Readonly<Record<string, unknown>>
}

/** Binding ids a chain remembers; its depth goes on counting (rule 1.5). */
const pathMax = 32

export function createContext(
  parts: ContextParts,
): HandlerContext<TypedEvent, Readonly<Record<string, unknown>>> {
  const { run, events, input } = parts
  const [event] = events
  let sent = 0
  return {
    event,
    data: event.data,
    events,
    input,
    dispatch: run.dispatch,
    attempt: run.attempt,
    standsFor: run.standsFor ?? 1,
    idempotencyKey: run.idempotencyKey,
    fencingToken: run.fencingToken,
    deadline: new Date(run.deadline),
    // Made when it is asked for: most handlers never do.
    get signal() {
      return run.signal
    },
    send: async (definition, data, options = {}) => {
      const ordinal = sent
      sent += 1
      const checked = checkData(definition.schema, data)
      if (!checked.ok) {
        throw new PermanentError(`send of ${definition.type} refused: ${checked.problem}`)
      }
      return run.send(draftOf(parts, definition.type, data as Plain, ordinal, options))
    },
  }
}

function draftOf(
  { app, binding, run }: ContextParts,
  type: string,
  data: Plain,
  ordinal: number,
  { subject, dedupeKey, partitionKey }: SendOptions,
): EventDraft {
  const { chain, tenant, traceparent } = run.event
  return {
    type,
    source: `waybill:${app}/${binding}`,
    // As given, not as the schema gives it out: that may hold what no log can.
    data,
    tenant,
    dedupeKey: dedupeKey ?? `${run.idempotencyKey}:${ordinal}`,
    ...(subject === undefined ? {} : { subject }),
    ...(partitionKey === undefined ? {} : { partitionKey }),
    ...(traceparent === undefined ? {} : { traceparent }),
    chain: {
      root: chain.root,
      depth: chain.depth + 1,
      path: [...chain.path, binding].slice(-pathMax),
      parent: run.dispatch,
    },
  }
}
