import { z } from 'zod'

/** Each may what those before it may. Approving is for those who may also operate. */
export const role = z.enum(['viewer', 'operator', 'approver'])
export type Role = z.infer<typeof role>

export interface User {
  /** As it stands in the log of what was done. */
  readonly name: string
  readonly role: Role
}

export const may = (has: Role, needed: Role): boolean =>
  role.options.indexOf(has) >= role.options.indexOf(needed)
