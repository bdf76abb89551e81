/**
 * How often a law is tried. Mutation testing tries every law thousands of times over, and so each
 * time less often: `TRIES_SHARE` is a part of 1.
 */
export const tries = (usual: number): { numRuns: number } => ({
  numRuns: Math.max(1, Math.ceil(usual * share)),
})

const share = Number(process.env['TRIES_SHARE'] ?? 1)
