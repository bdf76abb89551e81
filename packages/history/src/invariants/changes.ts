import type { Invariant } from '../invariant.ts'

export const changes: Invariant = {
  name: 'changes',
  law: 'I17',
  holds: 'a change of definitions is taken, or refused, by every partition of its app alike',
  of: 'history',
  watch() {
    const known = new Map<string, string>()
    return {
      fact(fact, { id: { app, slot } }, complain) {
        if (fact.kind !== 'def.applied' && fact.kind !== 'def.refused') return
        const change = `${app} ${fact.number}`
        const other = known.get(change)
        if (other === undefined) known.set(change, fact.kind)
        else if (other !== fact.kind) {
          complain('change.alike', `change ${change}: ${fact.kind}, elsewhere ${other}`, { slot })
        }
      },
    }
  },
}
