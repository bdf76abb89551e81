import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'

/**
 * Ends the server when this process dies, even by kill -9: the watchdog waits on a pipe that only
 * we hold open, and the kernel closes it for us. It lives in its own session, so Ctrl-C in a
 * terminal reaches neither it nor the server before we have shut down in order. It is started
 * before the server; should we die before we could name the server, the pid file does.
 */
export interface Watchdog {
  watch(pid: number): void
  dismiss(): void
}

/** Windows ends the children of a dead parent by itself (libuv puts them into one job). */
export function startWatchdog(pidFile: string): Watchdog {
  if (process.platform === 'win32') return { watch() {}, dismiss() {} }
  const child = spawn('/bin/sh', ['-c', script, 'waybill-nats-watchdog', pidFile], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
  })
  child.unref()
  // A pipe to a child is a socket; typed as a plain stream it lacks this.
  ;(child.stdin as Socket).unref()
  child.once('error', () => undefined)
  child.stdin.on('error', () => undefined) // EPIPE: somebody ended the watchdog; stop() still works
  return {
    watch: (pid) => void child.stdin.write(`${pid}\n`),
    dismiss: () => void child.kill('SIGKILL'),
  }
}

const script = `
trap '' HUP INT QUIT TERM
read -r server
read -r end
[ -n "$server" ] || { sleep 1; server=$(cat "$1" 2>/dev/null); }
[ -n "$server" ] || exit 0
kill -TERM "$server" 2>/dev/null
for i in 1 2 3 4 5; do
  kill -0 "$server" 2>/dev/null || exit 0
  sleep 1
done
kill -KILL "$server" 2>/dev/null
`
