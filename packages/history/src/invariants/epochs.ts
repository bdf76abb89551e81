import type { Invariant } from '../invariant.ts'

export const epochs: Invariant = {
  name: 'epochs',
  law: 'I11',
  holds: 'epochs are counted on by one, and a bundle is of the epoch that its entries are in',
  of: 'partition',
  watch() {
    // Undefined before the first one is known.
    let epoch: number | undefined
    return {
      entry({ entry: { input } }, complain) {
        if (input.kind !== 'epoch') return
        if (epoch !== undefined && input.epoch !== epoch + 1) {
          complain('epoch.order', `epoch ${input.epoch} after ${epoch}`)
        }
        epoch = input.epoch
      },
      bundle({ header }, complain) {
        epoch ??= header.epoch
        if (header.epoch === epoch) return
        complain('epoch.bundle', `a bundle of epoch ${header.epoch} in epoch ${epoch}`)
      },
    }
  },
}
