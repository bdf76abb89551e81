/** What could not be had, told so that the reader knows the next command. */
export class Problem extends Error {
  constructor({ code, what, where, why, next, exitCode = exitCodes.unavailable }) {
    super(what)
    this.name = 'Problem'
    Object.assign(this, { code, what, where, why, next, exitCode })
  }
}

/** From sysexits.h: a service is unavailable, a configuration is wrong. */
export const exitCodes = { unavailable: 69, configuration: 78 }

/** A problem in five lines; anything else is a defect of ours and shows its stack. */
export function report(error) {
  if (!(error instanceof Problem)) {
    process.stderr.write(`${error?.stack ?? error}\n`)
    return 70
  }
  const lines = [
    `waybill: ${error.what} (${error.code})`,
    ...part('where', error.where),
    ...part('why', error.why),
    ...part('next', error.next),
  ]
  process.stderr.write(`${lines.join('\n')}\n`)
  return error.exitCode
}

function part(label, text) {
  if (!text) return []
  const [first, ...rest] = [text].flat().flatMap((line) => line.split('\n'))
  return [`  ${label.padEnd(6)} ${first}`, ...rest.map((line) => `         ${line}`)]
}

/** Progress goes to stderr: stdout belongs to the command that was asked for. */
export function say(text) {
  process.stderr.write(`waybill: ${text}\n`)
}
