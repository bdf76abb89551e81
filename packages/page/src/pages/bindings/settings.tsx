import { Link } from '../../base/router.tsx'
import { href } from '../../base/route.ts'
import { count, duration } from '../../base/text.ts'
import { type Fact, Facts } from '../../ui/facts.tsx'
import { idOf, type Version } from './binding-rows.ts'
import { handlerText, labelOf, limitText, predicateText, retryText } from './manifest-text.ts'

/** What a version was deployed with, in the order in which a dispatch meets it. */
export function Settings({ version }: { readonly version: Version }) {
  const { manifest, key } = version
  const { on, when, key: order, input, timeouts, flow } = manifest
  const isAsked = when?.kind === 'function' && when.async
  const rows: readonly Fact[] = [
    ['on', <Codes texts={on} />],
    ['when', when && <code className="code-line">{predicateText(when)}</code>],
    ['key', order && <code className="code-line">{predicateText(order)}</code>],
    ['limits', flow && <Limits version={version} />],
    ['input', input && <Codes texts={Object.entries(input).map((one) => one.join(': '))} />],
    ['handler', handlerText(manifest)],
    ['retry', retryText(manifest)],
    ['an attempt takes', `at most ${duration(timeouts.attemptMs)}`],
    [
      'begins within',
      timeouts.scheduleToStartMs !== undefined && duration(timeouts.scheduleToStartMs),
    ],
    ['ends within', `${duration(timeouts.scheduleToCloseMs)}, else it is a dead letter`],
    ['predicate takes', isAsked && `at most ${duration(timeouts.predicateMs)}`],
    ['waits for its code', `at most ${duration(timeouts.versionWaitMs)}`],
    [
      'permanent error',
      manifest.onPermanentError === 'dlq' ? 'makes it a dead letter' : 'ends it as failed',
    ],
    ['poison', `after it killed ${count(manifest.poisonMax, 'process', 'processes')}`],
    ['chain', `at most ${count(manifest.maxChainDepth, 'event')} deep`],
    ['priority, tier', `${manifest.priority}, ${manifest.tier}`],
    ['definition', <span className="mono small">{manifest.hash}</span>],
  ]
  return (
    <section className="card" aria-label={`settings of ${key}`}>
      <div className="card-head">
        <h2>Settings of v{manifest.version}</h2>
      </div>
      <Facts rows={rows} className="card-body" />
    </section>
  )
}

const Codes = ({ texts }: { readonly texts: readonly string[] }) => (
  <span className="spread">
    {texts.map((one) => (
      <code key={one} className="code-line">
        {one}
      </code>
    ))}
  </span>
)

/** As deployed; what holds now, and who waits, is told by the page of the limit. */
function Limits({ version: { app, key, manifest } }: { readonly version: Version }) {
  return (
    <ul className="plain-list">
      {(manifest.flow?.limits ?? []).map((one) => {
        const label = labelOf(idOf(key), one)
        const to =
          one.rule.kind === 'circuit' ? '/circuits' : href('/flow', { limit: `${app} ${label}` })
        return (
          <li key={label}>
            {limitText(one)} <Link to={to}>now</Link>
          </li>
        )
      })}
    </ul>
  )
}
