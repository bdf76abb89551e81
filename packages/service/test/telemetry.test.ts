import { expect, test } from 'vitest'
import { createHealth, createLogger, createMetrics, openOpsServer } from '../src/index.ts'

test('metrics are written as Prometheus reads them', () => {
  const metrics = createMetrics()
  const accepted = metrics.counter('waybill_accepted_total', 'Accepted events')
  accepted.add({ door: 'a"b\\c\n' })
  accepted.add({ door: 'x' }, 2)
  metrics.gauge('waybill_lag', 'Lag', () => 1.5)
  const took = metrics.histogram('waybill_append_seconds', 'Append', [0.1, 1])
  for (const seconds of [0.05, 0.5, 5]) took.observe(seconds)
  expect(metrics.text()).toBe(`# HELP waybill_accepted_total Accepted events
# TYPE waybill_accepted_total counter
waybill_accepted_total{door="a\\"b\\\\c\\n"} 1
waybill_accepted_total{door="x"} 2
# HELP waybill_lag Lag
# TYPE waybill_lag gauge
waybill_lag 1.5
# HELP waybill_append_seconds Append
# TYPE waybill_append_seconds histogram
waybill_append_seconds_bucket{le="0.1"} 1
waybill_append_seconds_bucket{le="1"} 2
waybill_append_seconds_bucket{le="+Inf"} 3
waybill_append_seconds_sum 5.55
waybill_append_seconds_count 3
`)
})

test('labels that never end are added up as other', () => {
  const metrics = createMetrics()
  const counter = metrics.counter('waybill_x_total', 'X')
  for (let i = 0; i < 1500; i++) counter.add({ id: String(i) })
  expect(metrics.text().split('\n').length).toBeLessThan(1010)
  expect(counter.value({ id: 'other' })).toBe(500)
})

const report = (probe: () => void | Promise<void>, stopping = new AbortController().signal) => {
  let now = 1000
  const probes = [{ name: 'log', probe, everyMs: 100, timeoutMs: 5 }]
  const options = { service: 'x', instance: 'i', version: '1.0.0', probes, stopping }
  return { health: createHealth({ ...options, now: () => now }), pass: (ms: number) => (now += ms) }
}

test('a probe is asked only as often as it may be, and its answer is kept meanwhile', async () => {
  let asked = 0
  let broken = false
  const { health, pass } = report(() => {
    asked++
    if (broken) throw new Error('full')
  })
  await Promise.all([health.report(), health.report()])
  broken = true
  expect(await health.report()).toMatchObject({ ready: true })
  expect(asked).toBe(1)
  pass(100)
  expect(await health.report()).toMatchObject({
    ready: false,
    checks: [{ name: 'log', ok: false, why: 'full', at: 1100 }],
  })
  expect(asked).toBe(2)
})

test('a probe that never answers is a failed one; a draining process is not ready', async () => {
  const { health } = report(() => new Promise(() => {}))
  expect((await health.report()).checks).toMatchObject([{ ok: false, why: 'no answer in 5 ms' }])
  const draining = report(() => {}, AbortSignal.abort())
  expect(await draining.health.report()).toMatchObject({ ready: false })
})

test('livez, readyz and metrics over HTTP', async () => {
  const metrics = createMetrics()
  metrics.counter('waybill_x_total', 'X').add()
  let broken = false
  const { health, pass } = report(() => {
    if (broken) throw new Error('full')
  })
  await using server = await openOpsServer({ health, metrics }, { port: 0 })
  const get = (path: string) => fetch(`http://127.0.0.1:${server.port}${path}`)
  expect((await get('/livez')).status).toBe(200)
  expect((await get('/readyz')).status).toBe(200)
  expect(await (await get('/metrics')).text()).toContain('waybill_x_total 1')
  expect((await get('/other')).status).toBe(404)
  broken = true
  pass(100)
  expect((await get('/readyz')).status).toBe(503)
})

test('logs are JSON with their fields, or one readable line each', () => {
  const lines: string[] = []
  const to = { write: (line: string) => void lines.push(line) }
  const fields = { service: 'ingress' }
  createLogger({ to, fields }).info({ id: '1-2' }, 'stored')
  createLogger({ to, fields, format: 'pretty' }).warn({ text: 'a\u001b[31m\nb' }, 'odd')
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 'info',
    ...fields,
    id: '1-2',
    msg: 'stored',
  })
  expect(lines[1]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} warn {2}ingress odd text="a\\u001b\[31m\\nb"\n$/)
})
