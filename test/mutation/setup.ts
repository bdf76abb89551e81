import fc from 'fast-check'

/** Each mutant meets the same examples; a law that breaks is enough, the smallest way to break it is not asked for. */
fc.configureGlobal({ seed: 1, endOnFailure: true })
