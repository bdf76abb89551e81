import { bindingKey, typeMatches, type InputOf, type Manifest } from '@waybill/core'
import type { Complain, Invariant, Run } from '@waybill/history'
import { bindingOf, definitionOf, matches, verdictOf } from '../app.ts'
import type { Effect } from '../effects.ts'
import type { BindingOptions, Options } from '../options.ts'

interface Known {
  readonly options: Options
  readonly effects: readonly (Run & Pick<Effect, 'binding' | 'event'>)[]
}

/**
 * What the host found out about each event is what the predicate says, whoever was asked, and what
 * was deployed is what the app is: the seed knows both without running anything.
 */
export const verdicts = ({ options, effects }: Known): Invariant => ({
  name: 'verdicts',
  law: 'I1',
  holds: 'who should have been asked was asked, and said what the predicate says',
  of: 'history',
  watch() {
    const reruns = new Set<string>()
    return {
      transition({ fact: { dispatch, origin } }) {
        if (origin?.rerunOf !== undefined) reruns.add(dispatch)
      },
      entry({ entry: { input, facts } }, complain) {
        if (input.kind === 'def') {
          const { change } = input
          if (change.kind === 'deploy') checkManifests(options, change.manifests, complain)
          return
        }
        if (input.kind === 'held') checkVerdicts(options, input, complain)
        if (input.kind !== 'event') return
        checkVerdicts(options, input, complain)
        if (facts.some(({ kind }) => kind === 'event.duplicate')) return
        checkAsked(options, input, complain)
      },
      end(complain) {
        for (const { binding, event, dispatch } of effects) {
          // Who runs it again has asked nobody.
          if (reruns.has(dispatch)) continue
          const own = bindingOf(options, binding)
          if (own?.when === 'always' || (own && matches(options.seed, own.id, event))) continue
          complain('verdict.run', `runs for ${event}, which ${binding} does not match`, {
            dispatch,
          })
        }
      },
    }
  },
})

function checkManifests(options: Options, manifests: readonly Manifest[], say: Complain): void {
  for (const manifest of manifests) {
    const own = bindingOf(options, bindingKey(manifest))
    if (own && definitionOf(own).hash === manifest.hash) continue
    say('verdict.deployed', `${bindingKey(manifest)} is not what was deployed`)
  }
}

function checkVerdicts(
  options: Options,
  { head, verdicts: said }: Pick<InputOf<'event' | 'held'>, 'head' | 'verdicts'>,
  complain: Complain,
): void {
  for (const { binding, result } of said) {
    // Nobody is asked while it is paused; it is judged when it is given.
    if (result === 'paused') continue
    const own = bindingOf(options, binding)
    if (!own) {
      complain('verdict.known', `${head.id} was judged for ${binding}, which is not deployed`)
      continue
    }
    const tooDeep = head.chain.depth > own.maxChainDepth
    const expected = tooDeep ? 'unjudged' : verdictOf(options.seed, own, head.id)
    // Who has not this version's code leaves it to one who has.
    const isLeft = options.redeploy !== undefined && mayLeave(own) && result === 'ask'
    if (expected !== result && !isLeft) {
      complain('verdict.result', `${head.id} for ${binding}: ${result}, should be ${expected}`)
    }
  }
}

/** Its predicate, or a key of its limits, is code that a process may not have. */
const mayLeave = ({ when, limits = [] }: BindingOptions): boolean =>
  when === 'now' || limits.some(({ by }) => by !== 'all')

/** By the types alone, without a look at the verdicts. */
function checkAsked(
  { bindings }: Options,
  { head, verdicts: said }: InputOf<'event'>,
  complain: Complain,
): void {
  const judged = said.map(({ binding }) => binding.slice(0, binding.lastIndexOf('@'))).sort()
  const wanted = bindings
    .filter(({ on }) => typeMatches(on, head.type))
    .map(({ id }) => id)
    .sort()
  if (judged.join() === wanted.join()) return
  const what = `${head.id} was judged for ${judged.join()}, not for ${wanted.join()}`
  complain('verdict.asked', what)
}
