import type { Explanation } from '@waybill/core'
import { exit, type ExitCode } from './exit.ts'

/**
 * What goes wrong in the CLI itself. The same shape as the core's WaybillError, which would cost
 * 100 ms to import before the first word of `--help`.
 */
export class CliError extends Error implements Explanation {
  override readonly name = 'CliError'
  readonly code: string
  readonly what: string
  readonly where: string | undefined
  readonly why: string | undefined
  readonly next: string | undefined
  readonly exitCode: ExitCode

  constructor(it: Explanation & { readonly exitCode: ExitCode }, options?: ErrorOptions) {
    super(`${it.code} ${it.what}`, options)
    this.code = it.code
    this.what = it.what
    this.where = it.where
    this.why = it.why
    this.next = it.next
    this.exitCode = it.exitCode
  }
}

export const usage = (what: string, why?: string, next?: string): CliError =>
  new CliError({ code: 'WB4001', what, why, next, exitCode: exit.usage })

/** The exit code of whatever was thrown, by its type and its code, never by its text. */
export function exitCodeOf(thrown: unknown): ExitCode {
  if (thrown instanceof CliError) return thrown.exitCode
  const { kind, code, exitCode } = fieldsOf(thrown)
  const byKind = typeof kind === 'string' ? exitOfKind[kind] : undefined
  const byCode = typeof code === 'string' ? exitOfCode[code] : undefined
  const byProcess = typeof exitCode === 'number' ? exitOfProcess[exitCode] : undefined
  return byCode ?? byKind ?? byProcess ?? exit.failed
}

/** Of ApiError: one word says whose turn it is. */
const exitOfKind: Readonly<Record<string, ExitCode | undefined>> = {
  invalid: exit.usage,
  ambiguous: exit.usage,
  not_found: exit.notFound,
  unavailable: exit.unreachable,
  refused: exit.refused,
  retryable: exit.unreachable,
}

const exitOfCode: Readonly<Record<string, ExitCode | undefined>> = {
  'nats.store-locked': exit.refused,
  'nats.port-taken': exit.refused,
  'nats.binary-missing': exit.unreachable,
  'nats.server-too-old': exit.unreachable,
  'nats.start-timed-out': exit.unreachable,
  /** The server does not let us. */
  WB3003: exit.unreachable,
  /** Other streams than asked for are there. */
  WB3104: exit.refused,
  /** The journal was written under other rules. */
  WB4103: exit.refused,
  /** Another projector writes these rows. */
  WB5002: exit.refused,
  EADDRINUSE: exit.refused,
  ABORT_ERR: exit.interrupted,
}

/** Of the services, which end with the codes of sysexits.h. */
const exitOfProcess: Readonly<Record<number, ExitCode | undefined>> = {
  64: exit.usage,
  69: exit.unreachable,
  78: exit.usage,
}

/** Code, what, where, why and the next command; the stack only for whoever asked. */
export function render(thrown: unknown, verbose: boolean): string {
  const lines = explained(thrown)
  if (verbose && thrown instanceof Error) lines.push(...stackOf(thrown))
  return lines.join('\n')
}

function explained(thrown: unknown): string[] {
  if (!(thrown instanceof Error))
    return ['WB4000 something odd was thrown', part('why', typeof thrown)]
  const { code, what, where, why, next } = fieldsOf(thrown)
  if (typeof what !== 'string') return unexplained(thrown, code)
  return [
    `${textOf(code)} ${what}`,
    ...labelled('where', where),
    ...labelled('why', why),
    ...candidatesOf(thrown).map((candidate) => `         ${candidate}`),
    ...labelled('next', next),
  ]
}

/** Nobody expected it, so nobody wrote down what to do about it. */
function unexplained(error: Error, code: unknown): string[] {
  return [
    `${typeof code === 'string' ? code : 'WB4000'} ${error.message}`,
    ...causesOf(error).map((cause) => part('why', cause)),
    part('next', 'run it again with --verbose to see where'),
  ]
}

const labelled = (label: string, text: unknown): string[] =>
  text === undefined ? [] : [part(label, textOf(text))]

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

const part = (label: string, text: string): string =>
  `  ${`${label}:`.padEnd(6)} ${text.split('\n').join('\n         ')}`

function causesOf(error: Error): string[] {
  return error.cause instanceof Error ? [error.cause.message, ...causesOf(error.cause)] : []
}

/** Ids that an ambiguous prefix fits: the answer to "which one, then?". */
function candidatesOf(thrown: Error): readonly string[] {
  const { body } = fieldsOf(thrown)
  const { candidates } = fieldsOf(body)
  return Array.isArray(candidates) ? candidates.filter((one) => typeof one === 'string') : []
}

function stackOf(error: Error): string[] {
  const stack = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '))
  const cause = error.cause instanceof Error ? ['caused by', String(error.cause.stack)] : []
  return ['', ...stack, ...cause]
}

function fieldsOf(thrown: unknown): Readonly<Record<string, unknown>> {
  // Read, not trusted: every field is checked where it is used.
  return typeof thrown === 'object' && thrown !== null ? (thrown as Record<string, unknown>) : {}
}
