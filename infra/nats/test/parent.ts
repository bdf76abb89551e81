/** Starts a server, says where, and then stays until it is killed, or leaves without a word. */
import { startNatsServer } from '../src/index.ts'

const [binary = 'nats-server', dir = '.', then] = process.argv.slice(2)
const { pid, url } = await startNatsServer({ binary, dir, sync: 'default' })
process.stdout.write(`${JSON.stringify({ pid, url })}\n`)
if (then !== 'leave') setInterval(() => {}, 60_000)
