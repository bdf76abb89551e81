export const appName = 'shop'

/** When every run begins, epoch ms. */
export const startMs = Date.UTC(2026, 10, 21)
