import {
  dispatchIdOf,
  LETTER_VERSION,
  parseId,
  placeOf,
  type Letter,
  type LetterBody,
  type Place,
  type WaybillEvent,
} from '@waybill/core'
import {
  decodeBundle,
  decodeEntry,
  sha256,
  streamNames,
  subjects,
  type Topology,
} from '@waybill/log'
import { definitionOf, keysOf } from './app.ts'
import type { Command } from './gated.ts'
import { appName } from './names.ts'
import type { BindingOptions, Options } from './options.ts'
import type { Server } from './world/server.ts'

/** An event that the log has, and where. */
export interface StoredEvent {
  readonly event: WaybillEvent
  readonly slot: number
  readonly seq: number
  readonly index: number
}

interface World {
  readonly options: Pick<Options, 'bindings' | 'commands'>
  readonly topology: Topology
  readonly server: Pick<Server, 'memory'>
}

/** What an operator writes to the partition of an event; undefined: there is nothing to write. */
export function letterFor(world: World, command: Command, about: StoredEvent): Letter | undefined {
  const body = bodyOf(world, command, about)
  if (!body) return undefined
  const { n } = command
  return {
    v: LETTER_VERSION,
    id: idOf(n),
    from: { kind: 'client', id: 'sim' },
    body,
    replyTo: `reply-command-${n}`,
  }
}

const idOf = (n: number): string => `command-${n}`

function bodyOf(world: World, command: Command, about: StoredEvent): LetterBody | undefined {
  const { bindings } = world.options
  const by = 'sim'
  const reason = 'once more'
  const dispatches = bindings.flatMap((one) => lineOf(world, one, command, about)).slice(0, 64)
  switch (command.does) {
    case 'redrive': {
      const version = command.n % 3 === 0 ? 'active' : 'same'
      return { kind: 'redrive', dispatches, version, by, reason }
    }
    case 'discard':
      return { kind: 'discard', dispatches, by, reason }
    case 'rerun': {
      const binding = bindings[command.n % bindings.length]
      return binding && rerunOf(world, binding, about)
    }
    default:
      return command.does satisfies never
  }
}

/** The dispatch of a binding for an event, and those that earlier commands may have run it as. */
function lineOf(
  { options }: World,
  { id: binding }: BindingOptions,
  { n, of }: Command,
  { event, seq, index }: StoredEvent,
): string[] {
  const idFor = (rerun: number | string): string =>
    dispatchIdOf({
      hash: sha256,
      app: appName,
      binding,
      event: event.id,
      place: `${seq}/${index}`,
      rerun,
    })
  const line = [idFor(0)]
  for (const earlier of options.commands) {
    if (earlier.n >= n || earlier.of !== of) continue
    if (earlier.does === 'redrive') line.push(...line.map((one) => idFor(idOf(earlier.n) + one)))
    if (earlier.does === 'rerun') line.push(idFor(idOf(earlier.n)))
  }
  return line
}

function rerunOf(
  { topology, server }: World,
  binding: BindingOptions,
  { event, seq, index }: StoredEvent,
): LetterBody | undefined {
  const stream = streamNames(topology).events
  const message = server.memory.stream(stream).get(seq)
  const { id, tenant } = event
  const place = `${seq}/${index}`
  const of = dispatchIdOf({
    hash: sha256,
    app: appName,
    binding: binding.id,
    event: id,
    place,
    rerun: 0,
  })
  // Whoever asks for it has read of it.
  if (!message || !hasBegun({ topology, server }, of)) return undefined
  const limits = placesOf(topology, binding, event)
  return {
    kind: 'rerun',
    of,
    binding: `${binding.id}@v${binding.version}`,
    event: { id, tenant },
    ref: { stream, seq, index, hash: sha256.bytes(message.bytes) },
    ...(limits && { limits }),
    by: 'sim',
    reason: 'once more',
  }
}

function hasBegun({ topology, server }: Pick<World, 'topology' | 'server'>, id: string): boolean {
  const { slot } = parseId(id) ?? {}
  if (slot === undefined) return false
  const journal = subjects(topology).journal(appName, slot)
  return server.memory
    .stream(streamNames(topology).journal)
    .slice((subject) => subject === journal, 1)
    .flatMap(({ bytes }) => decodeBundle(sha256, bytes).entries)
    .flatMap((bytes) => decodeEntry(bytes).facts)
    .some((fact) => fact.kind === 'transition' && fact.dispatch === id)
}

function placesOf(
  { slots }: Topology,
  binding: BindingOptions,
  event: WaybillEvent,
): Place[] | undefined {
  const definition = definitionOf(binding)
  const { keys } = keysOf({ ...definition, version: 1 }, event)
  const placing = { hash: sha256, slots, binding: binding.id, tenant: event.tenant }
  return definition.flow?.limits.map((limit, at) => placeOf(limit, keys[at], placing))
}
