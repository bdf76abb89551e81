import type { Entry } from '@waybill/core'
import { decodeBundle, decodeEntry, streamNames, type EventLog, type Topology } from '@waybill/log'
import { readFile } from 'node:fs/promises'

/** A line of the file that handlers write, outside of the log. */
export interface Effect {
  readonly how: 'began' | 'returned'
  readonly dispatch: string
  readonly attempt: number
  readonly key: string
  readonly token: string
  readonly pid: number
}

export interface EffectsCheck {
  readonly runs: number
  /** Attempts whose handler began more than once. */
  readonly doubled: readonly string[]
  /** What the log does not know of, or says otherwise. */
  readonly wrong: readonly string[]
}

/**
 * Every run of a handler is one that the journal asked for, with the token of the place where it
 * did, once; and whatever succeeded has a handler that returned.
 */
export async function checkEffects(
  log: EventLog,
  topology: Topology,
  file: string,
): Promise<EffectsCheck> {
  const effects = await readEffects(file)
  const { asked, succeeded } = await readJournal(log, topology)
  const doubled: string[] = []
  const wrong: string[] = []
  const began = new Set<string>()
  const returned = new Set<string>()
  for (const { how, dispatch, attempt, key, token, pid } of effects) {
    const run = `${dispatch}:${attempt}`
    if (how === 'returned') {
      returned.add(dispatch)
      continue
    }
    if (began.has(run)) doubled.push(`attempt ${run} began a second time, in process ${pid}`)
    began.add(run)
    const seq = asked.get(run)
    if (seq === undefined) wrong.push(`attempt ${run} ran, and no entry asks for it`)
    else if (token !== `${run}:${seq}`) wrong.push(`token ${token}, and the entry is at ${seq}`)
    if (key !== dispatch) wrong.push(`attempt ${run} ran under the key ${key}`)
  }
  for (const dispatch of succeeded) {
    if (!returned.has(dispatch)) wrong.push(`${dispatch} succeeded, and no handler returned`)
  }
  return { runs: began.size, doubled, wrong }
}

async function readEffects(file: string): Promise<readonly Effect[]> {
  const text = await readFile(file, 'utf8').catch(() => '')
  const lines = text.split('\n').filter((line) => line.length > 0)
  return lines.map((line) => JSON.parse(line) as Effect) // our own app's
}

async function readJournal(log: EventLog, topology: Topology) {
  const asked = new Map<string, number>()
  const succeeded: string[] = []
  for await (const { effects, facts, seq } of entriesOf(log, topology)) {
    for (const effect of effects) {
      if (effect.kind === 'runAttempt') asked.set(`${effect.dispatch}:${effect.attempt}`, seq)
    }
    for (const fact of facts) {
      if (fact.kind === 'transition' && fact.to === 'succeeded') succeeded.push(fact.dispatch)
    }
  }
  return { asked, succeeded }
}

async function* entriesOf(
  log: EventLog,
  topology: Topology,
): AsyncGenerator<Entry & { readonly seq: number }, void> {
  const stream = streamNames(topology).journal
  for await (const { seq, bytes } of log.read({ stream, subjects: [], fromSeq: 1 })) {
    for (const entry of decodeBundle(log.hash, bytes).entries) {
      yield { ...decodeEntry(entry), seq }
    }
  }
}
