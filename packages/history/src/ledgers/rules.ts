import {
  bindingKey,
  labelIn,
  labelOf,
  patched,
  type DefChange,
  type Entry,
  type FactOf,
  type Manifest,
  type Rule,
  type RulePatch,
} from '@waybill/core'

/** When a rule came into force, epoch ms. */
export interface Deployed {
  readonly rule: Rule
  readonly since: number
}

/**
 * Which rule is in force for a limit: what was deployed, in the order of the deploys, and what an
 * operator set in its place (rule 7.9). Told by the journal alone, apart from the code that decides.
 */
export class RuleBook {
  readonly #deployed = new Map<string, Deployed>()
  readonly #overrides = new Map<string, RulePatch>()
  readonly #manifests = new Map<string, Manifest>()
  #since = 0

  /** Undefined: nobody was ever told of it. */
  ruleOf(ledger: string): Rule | undefined {
    const label = labelIn(ledger)
    const known = this.#deployed.get(label)?.rule
    const patch = this.#overrides.get(label)
    return known && ((patch && patched(known, patch)) ?? known)
  }

  /** By the label of the limit, whatever an operator set. */
  deployedAs(label: string): Deployed | undefined {
    return this.#deployed.get(label)
  }

  /** False: the entry changes no rule. */
  define({ input, facts }: Entry): boolean {
    if (input.kind !== 'def' || !facts.some(({ kind }) => kind === 'def.applied')) return false
    this.#change(input.change)
    return true
  }

  /** A letter may bring a newer rule than the one that is known here. */
  open({ ledger, opening }: Pick<FactOf<'ledger.asked'>, 'ledger' | 'opening'>): void {
    if (opening) this.#bring(labelIn(ledger), opening.rule, opening.since)
  }

  #change(change: DefChange): void {
    this.#since = Math.max(this.#since + 1, change.at)
    if (change.kind === 'limit') {
      if (change.rule === null) this.#overrides.delete(change.limit)
      else this.#overrides.set(change.limit, change.rule)
      return
    }
    if (change.kind !== 'deploy') return
    for (const one of change.manifests) {
      const key = bindingKey(one)
      if (!this.#manifests.has(key)) this.#manifests.set(key, one)
    }
    for (const [label, rule] of this.#limitsOf(change.active)) {
      this.#bring(label, rule, this.#since)
    }
  }

  /** The first binding, by its name, says what a limit is that several name. */
  #limitsOf(active: readonly string[]): ReadonlyMap<string, Rule> {
    const limits = active.toSorted().flatMap((key) => {
      const { id = '', flow } = this.#manifests.get(key) ?? {}
      return (flow?.limits ?? []).map((limit) => [labelOf(id, limit), limit.rule] as const)
    })
    return new Map(limits.toReversed())
  }

  #bring(label: string, rule: Rule, since: number): void {
    const known = this.#deployed.get(label)
    if (!known || known.since < since) this.#deployed.set(label, { rule, since })
  }
}
