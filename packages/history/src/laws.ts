/**
 * What must hold of every history. I1 to I16 are the invariants of the facts on reliability, adapted
 * to partitions, I17 to I19 those of what dispatches share; I0 is that nothing of ours gave up. Each invariant of this package serves one of
 * them; some (I0, I9, I15, I16) only a simulator can look at.
 */
export const laws = {
  I0: 'no process ends with a defect, and no partition halts without damage',
  I1: 'every acknowledged event is in the log, is read once, and starts one dispatch per match',
  I2: 'a dispatch has one end, and nothing comes after it',
  I3: 'attempts are 1, 2, 3 ..., each asked for once and before its end',
  I4: 'an attempt runs at most once, and a recorded result is one that a handler brought',
  I5: 'an effect begins after the log has its entry, and carries that entry in its token',
  I6: 'a host gives way to others, never to itself',
  I9: 'the live state is the fold of the journal, and so are the rows of the projection',
  I10: 'deciding again what was recorded gives the same bytes',
  I11: 'the chain is unbroken, sequences rise, positions say what was read',
  I12: 'a timer never fires early, and time never goes back',
  I13: 'a letter is taken once, and is answered only after the log has what it did',
  I15: 'once the faults are over everything ends',
  I16: 'enough succeeded',
  I17: 'a limit lets in what its rule in force allows, and what it gives out comes back once',
  I18: 'letters between partitions are numbered without gaps, and each is taken once, in order',
  I19: 'a dead letter is run again at most once, in a line of at most three, under one key',
} as const
export type Law = keyof typeof laws
