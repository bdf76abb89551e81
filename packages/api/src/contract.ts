import {
  cancelTarget,
  deadReason,
  dispatchId,
  eventDraft,
  eventHead,
  eventId,
  token,
  waybillEvent,
} from '@waybill/core'
import { z } from 'zod'
import { endpoint } from './endpoint.ts'
import { operations } from './operations.ts'
import { switches } from './switches.ts'
import { dispatchFilter, views } from './views.ts'
import {
  actor,
  asOf,
  at,
  bindingOrKey,
  bindingRow,
  deadLetter,
  dispatchDetail,
  dispatchRow,
  eventVerdict,
  graphEdge,
  graphNode,
  healthCheck,
  historyStep,
  idOrPrefix,
  page,
  partitionRow,
  projectionRow,
  range,
  reason,
  verification,
} from './shapes.ts'

const query = { kind: 'query', owner: 'projector', answeredBy: 'any' } as const
const next = z.string().optional()

export const endpoints = {
  ...operations,
  ...switches,
  ...views,
  'event.send': endpoint({
    kind: 'command',
    summary: 'Stores an event; answers once the log has it',
    owner: 'ingress',
    answeredBy: 'any',
    request: z.strictObject({ event: eventDraft }),
    response: z.object({ id: eventId, duplicate: z.boolean(), asOf }),
  }),
  'event.get': endpoint({
    ...query,
    summary: 'The stored event',
    request: z.strictObject({ id: idOrPrefix }),
    response: z.object({ event: waybillEvent, dispatches: z.array(dispatchRow), asOf }),
  }),
  'event.explain': endpoint({
    ...query,
    summary: 'Every binding with its verdict about an event',
    request: z.strictObject({ id: idOrPrefix, app: token.optional() }),
    response: z.object({ event: eventHead, verdicts: z.array(eventVerdict), asOf }),
  }),
  'dispatch.list': endpoint({
    ...query,
    summary: 'Dispatches, newest first',
    request: z.strictObject({ ...page, ...dispatchFilter }),
    response: z.object({ dispatches: z.array(dispatchRow), next, asOf }),
  }),
  'dispatch.get': endpoint({
    ...query,
    summary: 'A dispatch: its record and the event that started it',
    request: z.strictObject({ id: idOrPrefix }),
    response: z.object({ dispatch: dispatchDetail, event: waybillEvent.optional(), asOf }),
  }),
  'dispatch.history': endpoint({
    ...query,
    summary: 'Every transition of a dispatch, from the journal, with its hash chain checked',
    request: z.strictObject({
      id: idOrPrefix,
      limit: z.int().min(1).max(1000).default(200),
      /** First transition wanted. */
      from: z.int().nonnegative().default(0),
    }),
    response: z.object({
      dispatch: dispatchRow,
      steps: z.array(historyStep),
      verified: verification,
      more: z.boolean(),
      asOf,
    }),
  }),
  'dispatch.graph': endpoint({
    ...query,
    summary: 'The action graph of a dispatch, or of the whole chain it belongs to',
    request: z.strictObject({
      id: idOrPrefix,
      scope: z.enum(['dispatch', 'chain']).default('dispatch'),
      /** As of this transition of the dispatch, and what others had come to by then. */
      upTo: z.int().nonnegative().optional(),
    }),
    response: z.object({ nodes: z.array(graphNode), edges: z.array(graphEdge), asOf }),
  }),
  'dispatch.cancel': endpoint({
    kind: 'command',
    summary: 'Cancels one dispatch, those of an event, or those a filter finds',
    owner: 'dispatcher',
    answeredBy: 'app',
    request: z.strictObject({
      app: token,
      target: cancelTarget,
      by: actor,
      reason,
      dryRun: z.boolean().default(false),
      /** The letter's id: the same command sent twice is one command, for 24 h. */
      id: token.optional(),
    }),
    response: z.object({
      dryRun: z.boolean(),
      /** How many were, or would be, cancelled. */
      dispatches: z.int().nonnegative(),
      /** The first of them, at most 100. */
      ids: z.array(dispatchId).max(100),
      /** The rest follows; the journal tells when it is done. */
      more: z.boolean(),
      asOf,
    }),
  }),
  'dlq.list': endpoint({
    ...query,
    summary: 'Dead letters, newest first',
    request: z.strictObject({
      ...page,
      ...range,
      app: token.optional(),
      binding: bindingOrKey.optional(),
      reason: z.array(deadReason).max(20).optional(),
      status: deadLetter.shape.status.optional(),
      /** Of a group: what died of the same thing. */
      fingerprint: z.string().max(64).optional(),
      text: z.string().max(256).optional(),
    }),
    response: z.object({ entries: z.array(deadLetter), next, asOf }),
  }),
  'dlq.get': endpoint({
    ...query,
    summary: 'A dead letter with its event',
    request: z.strictObject({ id: idOrPrefix }),
    response: z.object({
      entry: deadLetter,
      dispatch: dispatchDetail,
      event: waybillEvent.optional(),
      asOf,
    }),
  }),
  'binding.list': endpoint({
    ...query,
    summary: 'Bindings with their versions',
    request: z.strictObject({ app: token.optional(), binding: bindingOrKey.optional() }),
    response: z.object({ bindings: z.array(bindingRow), asOf }),
  }),
  'projection.status': endpoint({
    kind: 'query',
    owner: 'projector',
    answeredBy: 'each',
    summary: 'How far each projection has come',
    request: z.strictObject({}),
    response: z.object({
      instance: z.string(),
      /** Building its rows anew; what it answers meanwhile is old. */
      rebuilding: z.boolean(),
      projections: z.array(projectionRow),
      asOf,
    }),
  }),
  'partition.status': endpoint({
    kind: 'query',
    owner: 'dispatcher',
    answeredBy: 'each',
    summary: 'The partitions each dispatcher owns, and how far they have come',
    request: z.strictObject({ app: token.optional() }),
    response: z.object({ instance: z.string(), partitions: z.array(partitionRow), asOf }),
  }),
  'service.health': endpoint({
    kind: 'query',
    owner: 'every',
    answeredBy: 'each',
    summary: 'Whether a process can do its work',
    request: z.strictObject({}),
    response: z.object({
      service: z.string(),
      instance: z.string(),
      version: z.string(),
      startedAt: at,
      ready: z.boolean(),
      checks: z.array(healthCheck),
      asOf,
    }),
  }),
}

export type Endpoints = typeof endpoints
export type EndpointName = keyof Endpoints
/** What a caller writes: defaults may be left out. */
export type RequestOf<K extends EndpointName> = z.input<Endpoints[K]['request']>
/** What a handler gets: defaults filled in. */
export type Asked<K extends EndpointName> = z.output<Endpoints[K]['request']>
export type ResponseOf<K extends EndpointName> = z.output<Endpoints[K]['response']>
/** What a handler may return. */
export type Answer<K extends EndpointName> = z.input<Endpoints[K]['response']>

/** Endpoints that every instance answers for itself. */
export type EachName =
  | 'projection.status'
  | 'partition.status'
  | 'service.health'
  | 'flow.list'
  | 'op.list'
  | 'op.cancel'
  | 'circuit.list'
export type OneName = Exclude<EndpointName, EachName>

export const endpointNames = Object.keys(endpoints) as EndpointName[] // its own literal's keys

/** `wb.api.dispatch.list`; endpoints of an app end in its name. */
export const endpointSubject = (prefix: string, name: EndpointName, app?: string): string =>
  app === undefined ? `${prefix}.api.${name}` : `${prefix}.api.${name}.${app}`
