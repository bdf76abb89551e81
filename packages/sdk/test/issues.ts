import { DefinitionError, type DefinitionIssue } from '../src/index.ts'

/** What a definition is refused for; nothing when it is right. */
export function issuesOf(run: () => unknown): readonly DefinitionIssue[] {
  try {
    run()
  } catch (cause) {
    if (cause instanceof DefinitionError) return cause.issues
    throw cause
  }
  return []
}
