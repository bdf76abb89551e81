import { z } from 'zod'

const count = z.int().nonnegative()

/** Place of an event in the stream of events: message, and item in it. */
export const where = z.tuple([count, count]).readonly()
export type Where = z.infer<typeof where>

/** Somebody's order that a binding, or a whole app, starts nothing until it is taken back. */
export const pause = z.strictObject({
  /** When it took effect in this partition, epoch ms. */
  since: count,
  by: z.string(),
  reason: z.string(),
})
export type Pause = z.infer<typeof pause>

/**
 * Events from one place to another: every one whose type this version was on and that counted as
 * new. A pause is one run, however many events it holds back; only a change of the definitions
 * begins another.
 */
export const run = z.strictObject({
  /** The version that was active when they came, and the number of the definitions then. */
  binding: z.string(),
  definitions: count,
  /** When the first of them came, epoch ms. */
  since: count,
  from: where,
  /** Place of the last one. */
  to: where,
  events: count,
})
export type Run = z.infer<typeof run>

/** What a binding was not given when it came. Never empty: what is empty is forgotten. */
export const held = z.strictObject({
  stream: z.string(),
  /** In the order of their places. */
  runs: z.array(run).readonly(),
  bytes: count,
})
export type Held = z.infer<typeof held>
