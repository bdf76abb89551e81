import { useMemo, useState } from 'react'
import { hasHidden, jsonText, type JsonRead, readJson } from '../../base/json-text.ts'
import { count } from '../../base/text.ts'
import type { Issue } from '../../schema/check.ts'
import { sampleOf } from '../../schema/fields.ts'
import { type EventType, useCheck } from '../../schema/use-check.ts'

export interface Draft {
  /** Has its schema anything that a form can show? */
  readonly hasForm: boolean
  readonly mode: 'form' | 'json'
  readonly setMode: (mode: 'form' | 'json') => void
  readonly text: string
  readonly read: JsonRead
  /** Undefined: what is typed is no JSON. */
  readonly value: unknown
  /** What is missing is told once somebody wanted to send it: an empty form is no mistake. */
  readonly issues: readonly Issue[]
  /** Why it cannot be sent yet. */
  readonly problem: string | undefined
  readonly judged: boolean
  readonly judge: () => void
  readonly change: (value: unknown) => void
  readonly type: (text: string) => void
  readonly take: (value: unknown) => void
}

/** Data of an event on their way: as a form or as text, which say the same. */
export function useDraft({ schema }: EventType): Draft {
  const hasForm = schema.properties !== undefined
  const [mode, setMode] = useState<'form' | 'json'>(hasForm ? 'form' : 'json')
  const [data, change] = useState<unknown>(() => sampleOf(schema) ?? {})
  const [text, type] = useState(() => jsonText(data))
  const [judged, setJudged] = useState(false)
  const { ready, check } = useCheck(schema)
  const read = useMemo(() => readJson(text), [text])
  const typed = read.ok ? read.value : undefined
  const value = mode === 'form' ? data : typed
  const all = value === undefined || !check ? [] : check(value)
  return {
    hasForm,
    mode,
    setMode: (to) => {
      if (to === 'json') type(jsonText(data))
      else change(typed)
      setMode(to)
    },
    text,
    read,
    value,
    issues: judged ? all : all.filter(({ missing }) => !missing),
    problem: ready ? problemWith(value, all) : 'what checks it is being loaded',
    judged,
    judge: () => setJudged(true),
    change,
    type,
    take: (next) => {
      change(next)
      type(jsonText(next))
    },
  }
}

export function problemWith(value: unknown, issues: readonly Issue[]): string | undefined {
  if (value === undefined) return 'it is no JSON yet'
  if (hasHidden(value))
    return 'parts are hidden from you ([redacted]): type something in their place'
  const missing = issues.filter((one) => one.missing).length
  const wrong = issues.length - missing
  const said = [
    wrong === 0 ? '' : `${count(wrong, 'part')} ${wrong === 1 ? 'is' : 'are'} wrong`,
    missing === 0 ? '' : `${count(missing, 'part')} ${missing === 1 ? 'is' : 'are'} missing`,
  ].filter((one) => one !== '')
  return said.length === 0 ? undefined : said.join(', ')
}
