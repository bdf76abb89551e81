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

/** The library that checks is loaded when there is something to check; until then nothing is said. */
export function useCheck(schema: Schema | undefined): Check | undefined {
  const [check, setCheck] = useState<Check>()
  const key = JSON.stringify(schema)
  useEffect(() => {
    let isCurrent = true
    setCheck(undefined)
    if (schema === undefined) return undefined
    import('./check.ts')
      .then(({ checkOf }) => isCurrent && setCheck(() => checkOf(schema)))
      .catch(() => undefined) // offline: the server checks all the same
    return () => {
      isCurrent = false
    }
  }, [key])
  return check
}
