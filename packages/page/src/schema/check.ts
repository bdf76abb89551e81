import { z } from 'zod'
import { pathText } from './fields.ts'

// The content security policy lets nobody make code from text.
z.config({ jitless: true })

export interface Issue {
  /** `items[0].sku`; '' is the whole. */
  readonly path: string
  readonly message: string
  /** Nothing stands there yet. */
  readonly missing?: boolean
}

/**
 * The same library, on the schema that it wrote where the app runs: what is said here is what the
 * server would say. Undefined: it says things that only the server can check.
 */
export function checkOf(schema: unknown): ((data: unknown) => readonly Issue[]) | undefined {
  try {
    const read = z.fromJSONSchema(schema as z.core.JSONSchema.JSONSchema) // it looks for itself
    return (data) => (read.safeParse(data, { reportInput: true }).error?.issues ?? []).map(issueOf)
  } catch {
    return undefined // a keyword that it does not know
  }
}

function issueOf(issue: z.core.$ZodIssue): Issue {
  const path = pathText(issue.path as (string | number)[]) // no symbols in JSON
  if (issue.input === undefined) return { path, message: 'is required', missing: true }
  if (issue.code === 'invalid_union') {
    return { path, message: `fits none of its ${issue.errors.length} forms` }
  }
  return { path, message: issue.message }
}
