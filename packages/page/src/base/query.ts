import type { EachName, OneName, ResponseOf } from '@waybill/api'
import { useCallback, useEffect, useMemo, useSyncExternalStore } from 'react'
import type { LiveStep } from '../live/conflate.ts'
import { live } from '../live/live.ts'
import { ask, askEach, type Problem, problemOf, type Told } from './api.ts'

/** What is known of an answer. Data outlive an error: they are shown with their age. */
export interface Answered<T> {
  readonly data?: T | undefined
  /** When the data came. */
  readonly at?: number | undefined
  readonly error?: Problem | undefined
  readonly loading: boolean
  readonly refetch: () => void
}

export interface QueryOptions {
  /** Does this step change the answer? Then it is asked again, at most twice a second. */
  readonly on?: (step: LiveStep) => boolean
  /** Asked again this often, for what no transition tells of. */
  readonly everyMs?: number
}

interface Entry {
  state: Omit<Answered<unknown>, 'refetch'>
  readonly listeners: Set<() => void>
  read: (signal: AbortSignal) => Promise<unknown>
  running: AbortController | undefined
  again: boolean
  startedAt: number
  timer: ReturnType<typeof setTimeout> | undefined
}

const entries = new Map<string, Entry>()
/** Kept for who comes back; the oldest that nobody looks at goes first. */
const entriesMax = 200
const refetchMs = 500

export function useAsk<K extends OneName>(
  name: K,
  request: Told<K> | undefined,
  options: QueryOptions = {},
): Answered<ResponseOf<K>> {
  const key = request && `${name} ${JSON.stringify(request)}`
  // The key says all there is to say about the request.
  const read = useCallback(
    (signal: AbortSignal) => ask(name, request as Told<K>, signal), // only read with a key
    [key],
  )
  return useQuery(key, read, options)
}

export function useAskEach<K extends EachName>(
  name: K,
  request: Told<K> | undefined,
  options: QueryOptions = {},
): Answered<ResponseOf<K>[]> {
  const key = request && `${name} ${JSON.stringify(request)}`
  const read = useCallback(
    (signal: AbortSignal) => askEach(name, request as Told<K>, signal), // only read with a key
    [key],
  )
  return useQuery(key, read, options)
}

/** @param key undefined: nothing is asked yet */
export function useQuery<T>(
  key: string | undefined,
  read: (signal: AbortSignal) => Promise<T>,
  { on, everyMs }: QueryOptions = {},
): Answered<T> {
  const subscribe = useCallback(
    (listener: () => void) => (key === undefined ? () => undefined : join(key, read, listener)),
    [key, read],
  )
  const state = useSyncExternalStore(subscribe, () =>
    key === undefined ? idle : (entries.get(key)?.state ?? waiting),
  )
  const refetch = useCallback(() => void (key !== undefined && renew(key)), [key])
  useEffect(() => {
    if (on === undefined) return undefined
    return live.hear(({ steps }) => void (steps.some(on) && refetch()))
  }, [on, refetch])
  useEffect(() => live.onReset(refetch), [refetch])
  useEffect(() => {
    if (everyMs === undefined) return undefined
    const timer = setInterval(() => void (document.hidden || refetch()), everyMs)
    return () => clearInterval(timer)
  }, [everyMs, refetch])
  // The state of an entry holds what its own `read` gave.
  return useMemo(() => ({ ...(state as Answered<T>), refetch }), [state, refetch])
}

const idle: Entry['state'] = { loading: false }
const waiting: Entry['state'] = { loading: true }

function join(key: string, read: Entry['read'], listener: () => void): () => void {
  const entry = entries.get(key) ?? create(key, read)
  entry.read = read
  entry.listeners.add(listener)
  if (entry.running === undefined) fetchNow(entry)
  return () => {
    entry.listeners.delete(listener)
    if (entry.listeners.size > 0) return
    clearTimeout(entry.timer)
    entry.timer = undefined
  }
}

function create(key: string, read: Entry['read']): Entry {
  const entry: Entry = {
    state: waiting,
    listeners: new Set(),
    read,
    running: undefined,
    again: false,
    startedAt: 0,
    timer: undefined,
  }
  entries.set(key, entry)
  if (entries.size > entriesMax) {
    const [unused] = [...entries].find(([, { listeners }]) => listeners.size === 0) ?? []
    if (unused !== undefined && unused !== key) entries.delete(unused)
  }
  return entry
}

/** Soon, but never while it is being asked, and not more than twice a second. */
function renew(key: string): void {
  const entry = entries.get(key)
  if (entry === undefined || entry.listeners.size === 0) return
  if (entry.running) entry.again = true
  else {
    const wait = Math.max(0, entry.startedAt + refetchMs - Date.now())
    entry.timer ??= setTimeout(() => fetchNow(entry), wait)
  }
}

function fetchNow(entry: Entry): void {
  clearTimeout(entry.timer)
  entry.timer = undefined
  const controller = new AbortController()
  entry.running = controller
  entry.startedAt = Date.now()
  if (!entry.state.loading) change(entry, { ...entry.state, loading: true })
  entry
    .read(controller.signal)
    .then(
      (data) => change(entry, { data, at: Date.now(), loading: false }),
      (thrown: unknown) => {
        const error = problemOf(thrown)
        change(entry, { ...entry.state, error, loading: false })
        if (error.status === 401) renew('session')
      },
    )
    .finally(() => {
      entry.running = undefined
      const again = entry.again
      entry.again = false
      if (again) entry.timer ??= setTimeout(() => fetchNow(entry), refetchMs)
    })
    .catch(() => undefined) // both ways are handled above
}

function change(entry: Entry, state: Entry['state']): void {
  entry.state = state
  for (const listener of entry.listeners) listener()
}
