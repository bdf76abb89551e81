import type { Invariant } from './invariant.ts'
import { acknowledged } from './invariants/acknowledged.ts'
import { answers } from './invariants/answers.ts'
import { attempts } from './invariants/attempts.ts'
import { batches } from './invariants/batches.ts'
import { chain } from './invariants/chain.ts'
import { changes } from './invariants/changes.ts'
import { delays } from './invariants/delays.ts'
import { delivered } from './invariants/delivered.ts'
import { ends } from './invariants/ends.ts'
import { epochs } from './invariants/epochs.ts'
import { fences } from './invariants/fences.ts'
import { gates } from './invariants/gates.ts'
import { held } from './invariants/held.ts'
import { inputs } from './invariants/inputs.ts'
import { letters } from './invariants/letters.ts'
import { mail } from './invariants/mail.ts'
import { matches } from './invariants/matches.ts'
import { once } from './invariants/once.ts'
import { openings } from './invariants/openings.ts'
import { permits } from './invariants/permits.ts'
import { poison } from './invariants/poison.ts'
import { posts } from './invariants/posts.ts'
import { records } from './invariants/records.ts'
import { redrives } from './invariants/redrives.ts'
import { replies } from './invariants/replies.ts'
import { results } from './invariants/results.ts'
import { runs } from './invariants/runs.ts'
import { sent } from './invariants/sent.ts'
import { spent } from './invariants/spent.ts'
import { streams } from './invariants/streams.ts'
import { time } from './invariants/time.ts'
import { timers } from './invariants/timers.ts'
import { woken } from './invariants/woken.ts'

/**
 * All of them. A feature that can go wrong in a way of its own (a gate that lets too many through, a
 * circuit that does not open) has a file in `invariants/` and a line here, and every tool looks.
 */
export const invariants: readonly Invariant[] = [
  // What a partition read.
  inputs,
  streams,
  once,
  matches,
  held,
  letters,
  mail,
  posts,
  changes,
  epochs,
  time,
  // What its dispatches did.
  chain,
  records,
  ends,
  attempts,
  spent,
  delays,
  poison,
  timers,
  answers,
  redrives,
  // What they share.
  gates,
  woken,
  openings,
  permits,
  batches,
  delivered,
  // What the world outside says of it.
  acknowledged,
  runs,
  results,
  sent,
  replies,
  fences,
]
