import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { Problem } from './problem.mjs'

const running = new Set()
let interruptedBy

/**
 * Runs a command in the foreground and resolves with its exit code (128 + n when signal n ended it).
 * A terminal sends Ctrl-C to the whole foreground group, so the child already has it and a second
 * one would read as impatience; without a terminal only we got it, so it is passed on.
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', ...options })
    follow(child)
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? 128 + (constants.signals[signal] ?? 1)))
  })
}

/** Runs a step of the bootstrap: silent, its output kept for the message when it fails. */
export function capture(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
    const output = { stdout: '', stderr: '' }
    follow(child)
    for (const name of ['stdout', 'stderr']) {
      child[name].setEncoding('utf8').on('data', (chunk) => (output[name] += chunk))
    }
    child.once('error', (cause) => resolve({ ...output, code: 127, stderr: cause.message }))
    child.once('close', (code, signal) =>
      resolve({ ...output, code: code ?? 128 + (constants.signals[signal] ?? 1) }),
    )
  })
}

/** True once a signal asked everything to end: nothing new is started after it. */
export function interrupted() {
  return interruptedBy !== undefined
}

export function refuseWhenInterrupted() {
  if (interruptedBy === undefined) return
  const exitCode = 128 + (constants.signals[interruptedBy] ?? 1)
  throw new Problem({
    code: 'bootstrap.interrupted',
    what: `interrupted by ${interruptedBy}`,
    exitCode,
  })
}

/** The last lines of what a failed step printed: enough to see why, short enough to read. */
export function tail(output, lines = 4) {
  const text = `${output.stdout}\n${output.stderr}`.trim().split('\n')
  return text
    .filter((line) => !noise.test(line))
    .slice(-lines)
    .join('\n')
}

const noise = /A complete log of this run|^npm error (errno|syscall)|^W: /

function follow(child) {
  if (running.size === 0) listen()
  running.add(child)
  const forget = () => {
    running.delete(child)
    if (running.size === 0) unlisten()
  }
  child.once('close', forget)
  child.once('error', forget)
}

const atTerminal = Boolean(process.stdin.isTTY || process.stdout.isTTY)
const forwarded = { SIGINT: !atTerminal, SIGHUP: !atTerminal, SIGTERM: true }
const listeners = Object.keys(forwarded).map((signal) => [signal, () => end(signal)])
const orphanPollMs = 250
const parent = process.ppid
let orphanTimer

function end(signal) {
  interruptedBy = signal
  if (forwarded[signal]) for (const child of running) child.kill(signal)
}

/**
 * npm hands a SIGTERM to the shell between it and us, and that shell dies of it without a word to
 * us. So losing the parent counts as SIGTERM, but only below npm: started from a shell directly,
 * outliving it is what `nohup` and `&` mean.
 */
function endWhenOrphaned() {
  if (process.ppid !== parent) end('SIGTERM')
}

function listen() {
  for (const [signal, listener] of listeners) process.on(signal, listener)
  if (process.env.npm_execpath) orphanTimer = setInterval(endWhenOrphaned, orphanPollMs).unref()
}

function unlisten() {
  for (const [signal, listener] of listeners) process.off(signal, listener)
  clearInterval(orphanTimer)
}
