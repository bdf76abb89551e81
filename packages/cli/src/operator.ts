import { userInfo } from 'node:os'

/** Who did it, for the log and the audit. */
export function operator(): string {
  const name = process.env['USER'] ?? process.env['LOGNAME'] ?? nameOfUser()
  return `cli:${name}`
}

/** A container's user may have no name. */
function nameOfUser(): string {
  try {
    return userInfo().username
  } catch {
    return 'unknown'
  }
}
