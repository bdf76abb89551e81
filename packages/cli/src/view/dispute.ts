import type { Dispute } from '@waybill/engine'
import { state } from '../output.ts'

/** Both rules and whose they are; whoever deployed last is obeyed by both. */
export const disputed = ({ limit, rule, app: other, theirs }: Dispute, app: string): string =>
  `  ${state('warn', 'disputed')} ${limit} is one limit for all apps and has two rules: ` +
  `${JSON.stringify(rule)} in ${app}, ${JSON.stringify(theirs)} in ${other}. ` +
  'The rule that was deployed last holds for both; write the same into both.'
