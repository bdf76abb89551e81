/** Who did it, for the log and the audit. */
export const operator = (): string =>
  `cli:${process.env['USER'] ?? process.env['LOGNAME'] ?? 'unknown'}`
