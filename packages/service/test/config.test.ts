import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { z } from 'zod'
import { ConfigError, flag, json, list, numeric, parseConfig } from '../src/index.ts'

const schema = z.object({
  httpPort: numeric(z.int().min(0).max(65_535)).default(8080),
  servers: list(z.string()).default(['a']),
  pretty: flag.default(false),
  rules: json(z.array(z.strictObject({ name: z.string() }))).default([]),
  secret: z.string().min(8).optional(),
})
const dir = mkdtempSync(join(tmpdir(), 'waybill-config-'))
afterAll(() => rmSync(dir, { recursive: true }))

function problemsOf(env: Record<string, string>, overrides = {}) {
  try {
    parseConfig(schema, env, { service: 'ingress', overrides })
  } catch (cause) {
    if (cause instanceof ConfigError) return cause.problems
    throw cause
  }
  throw new Error('accepted')
}

test('text becomes what the setting is, and defaults fill the rest', () => {
  const env = {
    WAYBILL_HTTP_PORT: '81',
    WAYBILL_SERVERS: 'x, y,',
    WAYBILL_PRETTY: 'yes',
    PATH: '/',
  }
  const rules = '[{"name":"gh"}]'
  expect(parseConfig(schema, { ...env, WAYBILL_RULES: rules })).toEqual({
    httpPort: 81,
    servers: ['x', 'y'],
    pretty: true,
    rules: [{ name: 'gh' }],
  })
  expect(parseConfig(schema, {}).httpPort).toBe(8080)
})

test("flags win over the service's own variable, which wins over the general one", () => {
  const env = { WAYBILL_HTTP_PORT: '1', WAYBILL_INGRESS_HTTP_PORT: '2' }
  const read = (sources: object) => parseConfig(schema, env, sources).httpPort
  expect(read({ service: 'ingress', overrides: { httpPort: 3 } })).toBe(3)
  expect(read({ service: 'ingress', overrides: { httpPort: undefined } })).toBe(2)
  expect(read({})).toBe(1)
})

test('all that is wrong is told at once, by the name it was set with', () => {
  const problems = problemsOf(
    {
      WAYBILL_INGRESS_HTTP_PORT: 'eighty',
      WAYBILL_RULES: '[{"name":"a","nam":1}]',
      WAYBILL_HTP_PORT: '1',
      WAYBILL_DISPATCHER_HTTP_PORT: 'of another service',
      WAYBILL_WHATEVER: 'x',
    },
    { colour: 1 },
  )
  expect(problems.map(({ name, hint }) => [name, hint])).toEqual([
    ['colour', undefined],
    ['WAYBILL_HTP_PORT', 'did you mean WAYBILL_HTTP_PORT?'],
    ['WAYBILL_WHATEVER', undefined],
    ['WAYBILL_INGRESS_HTTP_PORT', undefined],
    ['WAYBILL_RULES.0', undefined],
  ])
})

test('a secret may lie in a file, and no message ever repeats a value', () => {
  const path = join(dir, 'secret')
  writeFileSync(path, 'correct horse\n')
  expect(parseConfig(schema, { WAYBILL_SECRET_FILE: path }).secret).toBe('correct horse')

  const short = join(dir, 'short')
  writeFileSync(short, 'hunter2')
  for (const env of [
    { WAYBILL_SECRET: 'hunter2' },
    { WAYBILL_SECRET_FILE: short },
    { WAYBILL_RULES: '{"hunter2"' },
    { WAYBILL_HTTP_PORT: 'hunter2' },
  ]) {
    expect(JSON.stringify(problemsOf(env))).not.toContain('hunter2')
  }
  expect(problemsOf({ WAYBILL_SECRET_FILE: join(dir, 'none') })).toEqual([
    { name: 'WAYBILL_SECRET_FILE', why: 'the file cannot be read' },
  ])
  expect(problemsOf({ WAYBILL_SECRET: 'correct horse', WAYBILL_SECRET_FILE: path })).toHaveLength(1)
})
