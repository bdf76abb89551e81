import { createHmac } from 'node:crypto'
import { resolve } from 'node:path'
import { bold, dim, fields, state } from '../output.ts'
import { dataFolder } from '../project-file.ts'
import { count } from '../text.ts'
import type { RunningDev } from './run.ts'

/** What runs, where, and what to try next. */
export function banner(dev: RunningDev, startedInMs: number): string {
  const { app, server, deployed, http, dashboard, folder, secret } = dev
  const sync =
    server.sync === 'always'
      ? `always: what was acknowledged survives a power cut`
      : 'default: faster; a power cut may lose the last two minutes'
  return [
    '',
    `${state('ok', bold(app.name))} is up after ${startedInMs} ms: ${count(deployed.active.length, 'binding')}, ${deployed.changed ? `deployed as change ${deployed.number}` : `deployed as before (change ${deployed.number})`}`,
    '',
    fields([
      ['dashboard', dashboard],
      ['webhooks', `${http}/webhooks/github`],
      ['cloudevents', `${http}/events`],
      ['secret', secret],
      ['nats', `${server.url}  nats-server ${server.version}`],
      ['sync', sync],
      ['data', folder],
    ]),
    '',
    dim('Try, in another terminal:'),
    indent(exampleCurl(dev)),
    ...['dispatch ls', 'dead ls', 'replay --all'].map((command) =>
      indent(`npx waybill ${command}${serverFlag(dev)}`),
    ),
    dim('Ctrl-C ends all of it; the next start goes on with the same data.'),
    '',
  ].join('\n')
}

/** With the data where it usually is, commands find the server by themselves. */
const serverFlag = ({ folder, server }: RunningDev): string =>
  folder === resolve(process.env['INIT_CWD'] ?? process.cwd(), dataFolder)
    ? ''
    : ` --server ${server.url}`

const indent = (text: string): string => `  ${text}`

/** Ready to paste: the body is signed with the secret above. */
function exampleCurl({ http, secret, app }: Pick<RunningDev, 'http' | 'secret' | 'app'>): string {
  return app.definitions.some(({ on }) => on.some((pattern) => pattern.startsWith('github.')))
    ? githubCurl(http, secret)
    : cloudEventCurl(http, app.events[0]?.type ?? 'example.happened')
}

function githubCurl(http: string, secret: string): string {
  const body = JSON.stringify({
    action: 'opened',
    issue: { number: 7, title: 'Spelling mistake in the readme', labels: [] },
    repository: { full_name: 'octo/hello' },
  })
  const signature = createHmac('sha256', secret).update(body).digest('hex')
  return [
    `curl -sS ${http}/webhooks/github`,
    `-H 'content-type: application/json'`,
    `-H 'x-github-event: issues'`,
    `-H "x-github-delivery: try-$(date +%s)"`,
    `-H 'x-hub-signature-256: sha256=${signature}'`,
    `-d '${body}'`,
  ].join(' ')
}

function cloudEventCurl(http: string, type: string): string {
  return [
    `curl -sS ${http}/events`,
    `-H 'content-type: application/json' -H 'ce-specversion: 1.0'`,
    `-H 'ce-type: ${type}' -H 'ce-source: curl' -H "ce-id: try-$(date +%s)"`,
    `-d '{}'`,
  ].join(' ')
}
