import { RULES } from '@waybill/core'
import { CliError } from '../error.ts'
import { exit } from '../exit.ts'

/** Saying "drift" where only the rules are missing would send people to look for a bug. */
export const refusedReplay = (rules: number, app: string, slot: number): CliError =>
  new CliError({
    code: 'WB4103',
    what: `the journal was written under rules ${rules}, this build has rules ${RULES}`,
    where: `partition ${app}/${slot}`,
    why: 'deciding again under other rules would prove nothing',
    next: 'replay it with the build that wrote it',
    exitCode: exit.refused,
  })
