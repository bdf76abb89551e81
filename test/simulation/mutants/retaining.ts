import type { Mutant } from '../plant.ts'

const file = 'packages/cli/src/retention.ts'

/** Faults in what is taken away while hosts read. */
export const retaining: readonly Mutant[] = [
  {
    name: 'floor-one-too-high',
    what: 'the message that a partition stands in is taken away',
    file,
    find: 'yield { of: slot, seq: positions.get(stream)?.seq ?? 1 }',
    replace: 'yield { of: slot, seq: (positions.get(stream)?.seq ?? 0) + 1 }',
  },
  {
    name: 'open-not-pinned',
    what: 'the event of an open dispatch is taken away',
    file,
    find: 'if (origin.ref.stream === stream) yield',
    replace: 'if (origin.ref.stream === "none") yield',
  },
  {
    name: 'held-not-pinned',
    what: 'what a pause holds back is taken away',
    file,
    find: 'yield { of: slot, seq: firstHeld(partition)?.seq ?? Infinity }',
    replace: '',
  },
  {
    name: 'old-answer-believed',
    what: 'what a leader of the past does not know yet counts as gone',
    file: 'packages/engine/src/fetch.ts',
    find: '?? (await readAgain(log, stream, seq))',
    replace: '',
  },
  {
    name: 'mailbox-without-gaps',
    what: 'whoever verifies takes what retention took between two letters for lost',
    file: 'packages/history/src/invariants/streams.ts',
    find: "lane.subject.endsWith('>') ? keptFrom : 0",
    replace: '0',
  },
]
