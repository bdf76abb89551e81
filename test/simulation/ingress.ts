import {
  acceptEvent,
  dispatchIdOf,
  encode,
  LETTER_VERSION,
  type CancelTarget,
  type Letter,
  type WaybillEvent,
} from '@waybill/core'
import type { Acknowledged } from '@waybill/history'
import { createSender, sha256, streamNames, subjects, type Sender } from '@waybill/log'
import { letterFor } from './commands.ts'
import type { Command } from './gated.ts'
import type { Surroundings } from './instance.ts'
import { appName } from './names.ts'
import type { Cancel, Send } from './options.ts'
import { SimulatedLog } from './world/log.ts'
import { Network } from './world/network.ts'
import { Process } from './world/process.ts'

interface Stored extends Acknowledged {
  readonly slot: number
}

/**
 * The door: what comes in is accepted and stored by production's code. It dies and comes back like
 * everything else; what it had not heard of by then is its client's to send again.
 */
export class Ingress {
  readonly name = 'ingress'
  readonly acknowledged: Acknowledged[] = []
  readonly #world: Surroundings
  readonly #events = new Map<number, Stored & { readonly event: WaybillEvent }>()
  #process: Process
  #sender: Sender
  #starts = 0
  /** Sent and not answered, by processes that live. */
  #waiting = 0

  constructor(world: Surroundings) {
    this.#world = world
    const { process, sender } = this.#open()
    this.#process = process
    this.#sender = sender
  }

  get idle(): boolean {
    return this.#waiting === 0 && this.#process.alive
  }

  send(one: Send, divergent: boolean): void {
    const { topology, schedule } = this.#world
    const { generation, slots } = topology
    const { events } = streamNames(topology)
    if (!this.#process.alive) return
    if (one.poison) {
      const slot = one.n % slots
      const bytes = encode({ what: 'no event', n: one.n })
      const id = sha256.bytes(bytes)
      return this.#store(subjects(topology).events(slot), bytes, { stream: events, id, slot })
    }
    const { event, slot } = acceptEvent(
      {
        type: one.type,
        source: 'sim',
        dedupeKey: `send-${one.n}`,
        data: { does: one.does, ...(divergent ? { divergent } : {}) },
        ...(one.partitionKey === undefined ? {} : { partitionKey: one.partitionKey }),
      },
      { hash: sha256, generation, slots, now: Math.floor(schedule.now) },
    )
    const subject = subjects(topology).events(slot)
    const about = { n: one.n, event }
    this.#store(subject, encode(event), { stream: events, id: event.id, slot }, about)
  }

  /** Says which event it means as soon as it knows, else nothing. */
  cancel(one: Cancel): void {
    const event = this.#events.get(one.of)
    if (!event || !this.#process.alive) return
    const letter: Letter = {
      v: LETTER_VERSION,
      id: `cancel-${one.n}`,
      from: { kind: 'client', id: 'sim' },
      body: { kind: 'cancel', target: this.#target(one, event), by: 'sim', reason: 'no more' },
      replyTo: `reply-${one.n}`,
    }
    this.#post(event.slot, letter, one.twice)
  }

  /** The same for what an operator asks for about an event. */
  command(one: Command): void {
    const event = this.#events.get(one.of)
    const letter = event && letterFor(this.#world, one, event)
    if (letter && this.#process.alive) this.#post(event.slot, letter, one.twice)
  }

  crash(downMs: number): void {
    this.#process.die()
    this.#waiting = 0
    this.#world.schedule.after(downMs, () => this.heal())
  }

  freeze(): void {
    this.#process.freeze()
  }

  heal(): void {
    this.#process.thaw()
    if (this.#process.alive) return
    const { process, sender } = this.#open()
    this.#process = process
    this.#sender = sender
  }

  #target({ target }: Cancel, event: Stored): CancelTarget {
    const [binding] = this.#world.options.bindings
    switch (target) {
      case 'dispatch': {
        const place = `${event.seq}/${event.index}`
        const of = { hash: sha256, app: appName, binding: binding?.id ?? '', event: event.id }
        return { kind: 'dispatch', dispatch: dispatchIdOf({ ...of, place, rerun: 0 }) }
      }
      case 'event':
        return { kind: 'event', event: event.id }
      case 'filter':
        return { kind: 'filter', ...(binding ? { binding: binding.id } : {}) }
    }
  }

  #post(slot: number, letter: Letter, twice: boolean): void {
    const { topology } = this.#world
    const subject = subjects(topology).mail(appName, slot, 'ask', 'sim')
    const { mail: stream } = streamNames(topology)
    for (const id of twice ? [letter.id, letter.id] : [letter.id]) {
      this.#store(subject, encode(letter), { stream, id, slot })
    }
  }

  #store(
    subject: string,
    bytes: Uint8Array,
    what: Pick<Stored, 'stream' | 'id' | 'slot'>,
    about?: { readonly n: number; readonly event: WaybillEvent },
  ): void {
    const process = this.#process
    this.#waiting += 1
    this.#sender.send(subject, bytes).then(
      ({ seq, index }) => {
        const stored = { ...what, seq, index }
        this.acknowledged.push(stored)
        if (about && !this.#events.has(about.n)) {
          this.#events.set(about.n, { ...stored, event: about.event })
        }
        this.#answered(process)
      },
      () => this.#answered(process),
    )
  }

  #answered(process: Process): void {
    if (process === this.#process) this.#waiting -= 1
  }

  #open(): { process: Process; sender: Sender } {
    const { schedule, weather, server, chance } = this.#world
    const process = new Process(schedule, this.name)
    const network = new Network(
      schedule,
      weather,
      process,
      chance.fork(`ingress-${++this.#starts}`),
    )
    return { process, sender: createSender({ log: new SimulatedLog(server, network) }) }
  }
}
