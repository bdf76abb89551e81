import { useEffect, useState } from 'react'
import { useAsk } from '../base/query.ts'
import type { Issue } from './check.ts'
import type { Schema } from './fields.ts'

type Check = (data: unknown) => readonly Issue[]

/** The registered type of an event, and what looks data over before they are sent. */
export interface EventType {
  readonly type: string
  readonly schema: Schema
}

export function useEventTypes(app: string | undefined): {
  readonly types: readonly EventType[]
  readonly known: boolean
} {
  const { data, error } = useAsk('event.types', app === undefined ? undefined : { app })
  const types = (data?.types ?? []).map(({ type, jsonSchema }) => ({
    type,
    schema: jsonSchema as Schema, // JSON Schema, as its type's own library wrote it
  }))
  return { types, known: data !== undefined || error !== undefined }
}

export interface Checking {
  /** False: what checks is on its way, and nothing can be said yet. */
  readonly ready: boolean
  /** Undefined: there is no schema, or only the server can read it. */
  readonly check?: Check | undefined
}

/** The library that checks is loaded when there is something to check. */
export function useCheck(schema: Schema | undefined): Checking {
  const [checking, setChecking] = useState<Checking>({ ready: false })
  const key = JSON.stringify(schema)
  useEffect(() => {
    let isCurrent = true
    setChecking({ ready: schema === undefined })
    if (schema === undefined) return undefined
    import('./check.ts')
      .then(({ checkOf }) => ({ ready: true, check: checkOf(schema) }))
      .catch(() => ({ ready: true })) // offline: the server checks all the same
      .then((known) => isCurrent && setChecking(known))
      .catch(() => undefined) // it cannot fail
    return () => {
      isCurrent = false
    }
  }, [key])
  return checking
}
