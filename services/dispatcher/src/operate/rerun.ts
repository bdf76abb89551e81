import { randomUUID } from 'node:crypto'
import { type Answer, type ApiClient, type Asked, createApiClient, refused } from '@waybill/api'
import {
  type DispatchEvent,
  type DispatchOrigin,
  type LetterBody,
  type Member,
  parseId,
  type Place,
} from '@waybill/core'
import { ask, audit, type HandlerParts } from './parts.ts'

/** Runs the event of a dispatch again (rule 14.4): all that it began with comes from its history. */
export async function rerun(
  parts: HandlerParts,
  { app, id, version, by, reason, dryRun }: Asked<'dispatch.rerun'>,
): Promise<Answer<'dispatch.rerun'>> {
  const api = createApiClient(parts.nc, { prefix: parts.topology.prefix })
  const { dispatch, steps, asOf } = await api.call('dispatch.history', { id, limit: stepsMax })
  const of = dispatch.id
  const origin = steps[0]?.transition.origin
  if (!origin) throw refused('not_kept', `the beginning of ${of} is no longer in the journal`)
  const binding = await bindingFor(api, app, origin.binding, version)
  if (dryRun) return { dryRun, of, binding, asOf }
  const events = steps.map(({ transition }) => transition.event)
  const letter = randomUUID()
  const body = letterBody({ of, binding, by, reason }, origin, events)
  const answer = await ask(parts, parseId(of)?.slot ?? 0, { id: letter, body })
  if (answer.kind === 'refused') throw refused(answer.code, answer.reason)
  const started = answer.kind === 'redriven' ? answer.started[0]?.dispatch : undefined
  const told = await audit(parts, {
    kind: 'rerun',
    id: letter,
    app,
    by,
    reason,
    total: 1,
    done: 1,
    state: 'done',
    filter: { of, binding, dispatch: started },
  })
  return { dryRun, of, binding, ...(started !== undefined && { dispatch: started }), asOf: told }
}

/** Limits and members stand in its first steps, before the first attempt. */
const stepsMax = 200

type Rerun = Extract<LetterBody, { kind: 'rerun' }>

export function letterBody(
  about: Pick<Rerun, 'of' | 'binding' | 'by' | 'reason'>,
  { ref, event, tenant, key }: DispatchOrigin,
  events: readonly DispatchEvent[],
): Rerun {
  const limits = latest(events, placesIn)
  const batch = latest(events, membersIn)
  return {
    kind: 'rerun',
    ...about,
    ref,
    event: { id: event, tenant },
    ...(key !== undefined && { key }),
    ...(limits && { limits: [...limits] }),
    ...(batch && { batch: [...batch] }),
  }
}

const latest = <T>(
  events: readonly DispatchEvent[],
  of: (event: DispatchEvent) => T | undefined,
): T | undefined => events.map(of).findLast((one) => one !== undefined)

const placesIn = (event: DispatchEvent): readonly Place[] | undefined =>
  'limits' in event ? event.limits : undefined
const membersIn = (event: DispatchEvent): readonly Member[] | undefined =>
  'members' in event ? event.members : undefined

async function bindingFor(
  api: ApiClient,
  app: string,
  key: string,
  version: 'active' | 'same',
): Promise<string> {
  if (version === 'same') return key
  const id = key.slice(0, key.lastIndexOf('@'))
  const { bindings } = await api.call('binding.list', { app, binding: id })
  const active = bindings.find(({ state }) => state === 'active')
  if (!active) throw refused('binding_gone', `${id} has no active version: use version same`)
  return active.key
}
