/** What one expression may cost (rule 2.3). */
export const celLimits = {
  textMax: 4096,
  nodesMax: 500,
  depthMax: 40,
  /** A macro, and one inside it. */
  macroDepthMax: 2,
  listItemsMax: 1_000,
  /** Over all macros of one evaluation: two nested lists of 1,000 would block a host for a second. */
  iterationsMax: 100_000,
  patternMax: 1_024,
  matchTextMax: 64 * 1024,
  reasonMax: 500,
} as const

export type CelProblemCode =
  | 'cel.syntax'
  | 'cel.size'
  | 'cel.function'
  | 'cel.macro'
  | 'cel.pattern'
  | 'cel.type'
  | 'cel.result'

/** Why a text is not an expression we take; thrown at definition, never at evaluation. */
export class CelProblem extends Error {
  override readonly name = 'CelProblem'
  readonly code: CelProblemCode
  readonly hint: string

  constructor(code: CelProblemCode, message: string, hint: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.hint = hint
  }
}
