import { useState } from 'react'
import { ask, type Problem, problemOf } from '../../base/api.ts'
import { useAsk } from '../../base/query.ts'
import { shortId } from '../../base/text.ts'
import { sampleOf } from '../../schema/fields.ts'
import type { EventType } from '../../schema/use-check.ts'
import { Age } from '../../ui/age.tsx'
import { ProblemNotice } from '../../ui/notice.tsx'

const recentMax = 4

/** To begin with: what the schema says, or what came of late. */
export function Examples({
  app,
  type: { type, schema },
  take,
}: {
  readonly app: string
  readonly type: EventType
  readonly take: (data: unknown) => void
}) {
  const { data } = useAsk('event.list', { app, type, limit: recentMax })
  const [problem, setProblem] = useState<Problem>()
  const load = (id: string): void => {
    ask('event.get', { id })
      .then(({ event }) => {
        setProblem(undefined)
        take(event.data)
      })
      .catch((thrown: unknown) => setProblem(problemOf(thrown)))
  }
  return (
    <div className="stack">
      <div className="spread">
        <span className="muted">Begin with</span>
        <button type="button" onClick={() => take(sampleOf(schema) ?? {})}>
          the schema
        </button>
        {(data?.events ?? []).map(({ id, receivedAt }) => (
          <button key={id} type="button" onClick={() => load(id)}>
            <span className="mono">{shortId(id)}</span>
            <span className="muted small">
              <Age at={receivedAt} />
            </span>
          </button>
        ))}
      </div>
      {problem && <ProblemNotice problem={problem} />}
    </div>
  )
}
