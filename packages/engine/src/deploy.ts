import {
  decode,
  defChange,
  DEFINITION_VERSION,
  encode,
  type DefChange,
  type Definition,
  type HostedApp,
  type Manifest,
  type RulePatch,
} from '@waybill/core'
import { streamNames, subjects, type EventLog, type Topology } from '@waybill/log'

export interface Deployed {
  /** Number of the change that holds now. */
  readonly number: number
  /** False: the app was deployed like this already. */
  readonly changed: boolean
  /** The active set, as `<id>@v<n>`. */
  readonly active: readonly string[]
}

export interface DeployOptions {
  /** Who deploys; stands in the log. */
  readonly by: string
  /** Epoch ms. */
  readonly now?: () => number
}

/**
 * Makes an app's definitions the active ones. A definition that changed gets the next version, one
 * that came back gets its old version back; what is not in the app any more is active no more, and
 * its open dispatches go on to their end. The same app twice is one change.
 */
export async function deployApp(
  log: EventLog,
  topology: Topology,
  app: HostedApp,
  { by, now = Date.now }: DeployOptions,
): Promise<Deployed> {
  const subject = subjects(topology).def(app.name)
  for (;;) {
    const {
      seq,
      number: before,
      last,
      manifests: known,
    } = await readHistory(log, topology, subject)
    const { manifests, active } = resolve(app.definitions, known)
    if (last && manifests.length === 0 && sameSet(active, last.active)) {
      return { number: before, changed: false, active }
    }
    const number = before + 1
    const eventsFrom = last?.eventsFrom ?? (await endOfEvents(log, topology))
    const head = { v: DEFINITION_VERSION, kind: 'deploy', app: app.name, number, at: now(), by }
    const change = defChange.parse({ ...head, manifests, active, eventsFrom })
    const outcome = await log.append(subject, encode(change), seq)
    if (outcome.kind === 'stored') return { number, changed: true, active }
    // Somebody else deployed in between; theirs is what ours is compared with now.
  }
}

/** What a deploy would do now. */
export interface DeployPlan {
  /** False: the app is deployed like this already. */
  readonly changed: boolean
  /** The active set as it is, and as it would be: `<id>@v<n>`. */
  readonly before: readonly string[]
  readonly after: readonly string[]
  /** Every version there is or would be. */
  readonly manifests: ReadonlyMap<string, Manifest>
}

/** Looks only: nothing is deployed. */
export async function planDeploy(
  log: EventLog,
  topology: Topology,
  app: HostedApp,
): Promise<DeployPlan> {
  const history = await readHistory(log, topology, subjects(topology).def(app.name))
  const { manifests, active } = resolve(app.definitions, history.manifests)
  const all = [...history.manifests, ...manifests].map((one): [string, Manifest] => [
    `${one.id}@v${one.version}`,
    one,
  ])
  const before = history.last?.active ?? []
  const changed = !history.last || !sameSet(active, before)
  return { changed, before, after: active, manifests: new Map(all) }
}

export interface LimitChange {
  readonly app: string
  /** `<binding>/<name>`, `@app/<name>`; for scope global the app is `_shared`. */
  readonly limit: string
  /** Null: what was deployed holds again. */
  readonly rule: RulePatch
  readonly by: string
  readonly reason: string
  /** Epoch ms. */
  readonly now?: () => number
}

/**
 * Sets a limit while it is in force (rule 7.9). Every partition takes the change in its turn and
 * judges those who wait again.
 *
 * @returns the number of the change
 */
export function changeLimit(
  log: EventLog,
  topology: Topology,
  { app, limit, rule, by, reason, now }: LimitChange,
): Promise<number> {
  return appendChange(log, topology, app, { kind: 'limit', by, reason, limit, rule }, now)
}

export interface PauseChange {
  readonly app: string
  /** Absent: the whole app, with what is deployed while the pause lasts. */
  readonly binding?: string | undefined
  readonly by: string
  readonly reason: string
  /** Epoch ms. */
  readonly now?: () => number
}

/**
 * From its turn in each partition on the binding starts nothing; what runs or waits goes on to its
 * end. What comes meanwhile is held, and given to it in order after `resumeBinding` (rule 2.5).
 *
 * @returns the number of the change; a partition in which it changes nothing records it as refused
 */
export const pauseBinding = (
  log: EventLog,
  topology: Topology,
  change: PauseChange,
): Promise<number> => appendOrder(log, topology, 'pause', change)

export const resumeBinding = (
  log: EventLog,
  topology: Topology,
  change: PauseChange,
): Promise<number> => appendOrder(log, topology, 'resume', change)

function appendOrder(
  log: EventLog,
  topology: Topology,
  kind: 'pause' | 'resume',
  { app, binding, by, reason, now }: PauseChange,
): Promise<number> {
  const about = { kind, by, reason, ...(binding !== undefined && { binding }) }
  return appendChange(log, topology, app, about, now)
}

/** As the next change of the app, whoever else changes it at the same time. */
async function appendChange(
  log: EventLog,
  topology: Topology,
  app: string,
  about: object,
  now: () => number = Date.now,
): Promise<number> {
  const subject = subjects(topology).def(app)
  for (;;) {
    const { seq, number: before } = await readHistory(log, topology, subject)
    const number = before + 1
    const change = defChange.parse({ v: DEFINITION_VERSION, app, number, at: now(), ...about })
    const outcome = await log.append(subject, encode(change), seq)
    if (outcome.kind === 'stored') return number
  }
}

type Deploy = Extract<DefChange, { kind: 'deploy' }>

interface History {
  readonly seq: number
  /** Of the last change, whatever its kind; 0 before the first. */
  readonly number: number
  readonly last: Deploy | undefined
  readonly manifests: readonly Manifest[]
}

export async function readHistory(
  log: EventLog,
  topology: Topology,
  subject: string,
): Promise<History> {
  const range = { stream: streamNames(topology).defs, subjects: [subject], fromSeq: 1 }
  const manifests: Manifest[] = []
  let last: Deploy | undefined
  let seq = 0
  let number = 0
  for await (const stored of log.read(range)) {
    const change = defChange.parse(decode(stored.bytes))
    seq = stored.seq
    number = change.number
    if (change.kind !== 'deploy') continue
    last = change
    manifests.push(...change.manifests)
  }
  return { seq, number, last, manifests }
}

function resolve(
  definitions: readonly Definition[],
  known: readonly Manifest[],
): { manifests: Manifest[]; active: string[] } {
  const manifests: Manifest[] = []
  const active: string[] = []
  for (const definition of definitions) {
    const versions = known.filter(({ id }) => id === definition.id)
    const same = versions.find(({ hash }) => hash === definition.hash)
    const version = same?.version ?? Math.max(0, ...versions.map((one) => one.version)) + 1
    if (!same) manifests.push({ ...definition, version })
    active.push(`${definition.id}@v${version}`)
  }
  return { manifests, active: active.sort() }
}

const sameSet = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((key) => b.includes(key))

/** Events from before the first deploy are not the app's business. */
async function endOfEvents(log: EventLog, topology: Topology): Promise<Deploy['eventsFrom']> {
  const stream = streamNames(topology).events
  const { lastSeq } = await log.info(stream)
  return { stream, seq: lastSeq }
}
