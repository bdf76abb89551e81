import { WaybillError } from '@waybill/core'

export type DefinitionIssueCode =
  | 'definition.unknown' // no setting of that name
  | 'definition.missing'
  | 'definition.type' // the setting exists, the value is of the wrong kind
  | 'definition.range'
  | 'definition.unit' // not a duration
  | 'definition.conflict' // two settings that exclude each other
  | 'definition.duplicate'
  | 'definition.cel'
  | 'definition.input'

/** One thing that is wrong with a definition: which rule, where, and what to write instead. */
export interface DefinitionIssue {
  readonly code: DefinitionIssueCode
  /** `retry.base`, `on[1]`; '' is the definition as a whole. */
  readonly path: string
  readonly message: string
  readonly hint: string
}

/** Thrown by `defineEvent`, `defineBinding` and `defineApp`; carries all issues, not the first. */
export class DefinitionError extends WaybillError {
  override readonly name = 'DefinitionError'
  readonly issues: readonly DefinitionIssue[]

  constructor(subject: string, issues: readonly DefinitionIssue[]) {
    super({ code: 'WB1001', what: `${subject} is not valid\n${issues.map(lineOf).join('\n')}` })
    this.issues = issues
  }
}

/** What is wrong so far. `add` answers undefined, so a check can end with it. */
export interface Issues {
  readonly all: readonly DefinitionIssue[]
  add(code: DefinitionIssueCode, path: string, message: string, hint?: string): undefined
  /** @throws DefinitionError when there is anything to tell */
  settle(subject: string): void
}

export function createIssues(): Issues {
  const all: DefinitionIssue[] = []
  return {
    all,
    add(code, path, message, hint = '') {
      all.push({ code, path, message, hint })
    },
    settle(subject) {
      if (all.length > 0) throw new DefinitionError(subject, all)
    },
  }
}

function lineOf({ code, path, message, hint }: DefinitionIssue): string {
  const where = path === '' ? '' : ` at ${path}`
  return `  ${code}${where}: ${message}${hint === '' ? '' : ` (${hint})`}`
}

/** A value as it may stand in a message. */
export function quote(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80))
  if (typeof value !== 'object') return typeof value
  try {
    return (JSON.stringify(value) ?? '').slice(0, 80)
  } catch {
    return 'an object' // with a cycle or a bigint in it
  }
}
