import { batch } from './batch.ts'
import { circuit } from './circuit.ts'
import { concurrency } from './concurrency.ts'
import { debounce } from './debounce.ts'
import type { Gate } from './gate.ts'
import { rateLimit } from './rate-limit.ts'
import type { RuleKind } from './rule.ts'
import { singleton } from './singleton.ts'
import { throttle } from './throttle.ts'

/** One line a gate. */
const gates: { readonly [K in RuleKind]: Gate<K> } = {
  batch,
  debounce,
  rateLimit,
  throttle,
  singleton,
  concurrency,
  circuit,
}

/** The gate of a rule; TypeScript cannot see that a kind and its gate belong together. */
export const gateOf = (rule: { readonly kind: RuleKind }): Gate<RuleKind> =>
  gates[rule.kind] as Gate<RuleKind>
