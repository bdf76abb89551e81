import type { Mutant } from '../plant.ts'

const projections = 'packages/projections/src'

/** Faults in the rows that are made of the journal. */
export const projecting: readonly Mutant[] = [
  {
    name: 'rows-without-position',
    what: 'rows are written, and not how far they go',
    file: `${projections}/fold.ts`,
    find: 'gathering.reached(after)',
    replace: 'if (after.bundle < 3) gathering.reached(after)',
  },
  {
    name: 'checkpoint-before-rows',
    what: 'positions are written in a transaction before the rows that they stand for',
    file: `${projections}/fold.ts`,
    find: 'if (bundles.length > 0) await store.write(gathering.batch())',
    replace: `if (bundles.length > 0) {
        const { rows, partitions: reached } = gathering.batch()
        await store.write({ rows: new Map(), partitions: reached })
        await store.write({ rows, partitions: reached })
      }`,
  },
  {
    name: 'folded-twice',
    what: 'a bundle that was folded before is folded again',
    file: `${projections}/fold.ts`,
    find: '(known && message.seq <= known.seq)',
    replace: '(known && message.seq < known.seq)',
  },
  {
    name: 'row-of-the-past',
    what: 'the row of a dispatch keeps the attempt that it began with',
    file: `${projections}/move.ts`,
    find: 'return base && { before, after: { ...base, ...latest(record) }, fact }',
    replace: `const attempt = before?.attempt ?? record.attempt
    return base && { before, after: { ...base, ...latest(record), attempt }, fact }`,
  },
]
