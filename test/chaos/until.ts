import { setTimeout as wait } from 'node:timers/promises'

/** Asks until it is so; throws with `what` when it never is. */
export async function until(
  what: string,
  withinMs: number,
  isSo: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`)
    await wait(20)
  }
}
