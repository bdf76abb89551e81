import { expect, test } from 'vitest'
import { createHttpApi, type HttpApiOptions, type User } from '../src/http/index.ts'
import {
  type ApiClient,
  ApiError,
  type ApiErrorBody,
  endpointNames,
  endpoints,
  refused,
  statusOf,
  unavailable,
} from '../src/index.ts'

const operator: User = { name: 'eva', role: 'operator' }

/** What it was asked, and what it is to answer. */
function world(
  options: Partial<HttpApiOptions> = {},
  answer: () => unknown = () => ({ asOf: {} }),
) {
  const asked: unknown[] = []
  const take = (name: string, request: unknown): Promise<never> => {
    asked.push([name, request])
    return Promise.resolve().then(answer) as Promise<never> // whatever a test says it is
  }
  const client: ApiClient = { call: take, callEach: take }
  const defects: ApiError[] = []
  const app = createHttpApi({
    client,
    version: '1.2.3',
    bodyBytesMax: 1000,
    userOf: () => operator,
    checkRequest: () => undefined,
    redact: (it) => it,
    onDefect: (error) => defects.push(error),
    ...options,
  })
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    app.request(path, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    })
  return { app, asked, defects, post }
}

async function errorIn(response: Response): Promise<ApiErrorBody> {
  const { error } = (await response.json()) as { error: ApiErrorBody }
  return error
}

test.each(endpointNames)('%s has a route, and an operation that describes it', async (name) => {
  const { app, asked, post } = world()
  const { kind } = endpoints[name]
  expect((await post(`/${name}`, {})).status).toBe(200)
  const by = 'by' in endpoints[name].request.shape ? { by: 'eva' } : {}
  expect(asked).toEqual([[name, by]])
  expect((await app.request(`/${name}`)).status).toBe(kind === 'query' ? 200 : 405)
  const { paths } = (await (await app.request('/openapi.json')).json()) as Described
  const operation = paths[`/${name}`]
  expect(Object.keys(operation ?? {})).toEqual(kind === 'query' ? ['get', 'post'] : ['post'])
  const schema = schemaOf(operation)
  const fields = Object.keys(endpoints[name].request.shape).filter((field) => field !== 'by')
  expect(Object.keys(schema?.properties ?? {}).sort()).toEqual(fields.sort())
  expect(schema?.required ?? []).not.toContain('by')
})

const schemaOf = (operation: Record<string, Operation> | undefined) =>
  operation?.['post']?.requestBody.content['application/json'].schema

interface Described {
  readonly openapi: string
  readonly paths: Record<string, Record<string, Operation>>
}
interface Operation {
  readonly requestBody: {
    readonly content: {
      readonly 'application/json': {
        readonly schema: { readonly properties: object; readonly required?: readonly string[] }
      }
    }
  }
}

test('the description refers to nothing that is not in it', async () => {
  const { app } = world()
  const description = (await (await app.request('/openapi.json')).json()) as Described
  expect(description.openapi).toBe('3.1.0')
  const text = JSON.stringify(description)
  const refs = new Set([...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path ?? ''))
  expect(refs.size).toBeGreaterThan(0)
  for (const ref of refs) {
    const found = ref
      .split('/')
      .reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], description)
    expect(found, ref).toBeDefined()
  }
  expect(text).not.toContain('$defs')
})

test('a query in the address is read by its schema', async () => {
  const { app, asked } = world()
  await app.request('/dispatch.list?state=dlq&state=failed&limit=7&text=7&since=12')
  await app.request('/dispatch.list?state=dlq')
  await app.request('/dispatch.list?limit=seven&nope=1')
  expect(asked).toEqual([
    ['dispatch.list', { state: ['dlq', 'failed'], limit: 7, text: '7', since: 12 }],
    ['dispatch.list', { state: ['dlq'] }],
    // The client's check of the schema has the last word.
    ['dispatch.list', { limit: Number.NaN, nope: '1' }],
  ])
  const twice = await app.request('/dispatch.list?text=a&text=b')
  expect(twice.status).toBe(400)
  expect(await errorIn(twice)).toMatchObject({ kind: 'invalid', where: 'text' })
})

test('a command is done by whoever is signed in, and by nobody else', async () => {
  const { asked, post } = world()
  const command = { app: 'triage', reason: 'too loud' }
  expect((await post('/binding.pause', { ...command, by: 'eva' })).status).toBe(200)
  const other = await post('/binding.pause', { ...command, by: 'adam' })
  expect(other.status).toBe(403)
  expect(await errorIn(other)).toMatchObject({ kind: 'refused', refusal: 'by' })
  expect(asked).toEqual([['binding.pause', { ...command, by: 'eva' }]])
})

test('who may not, does not, and is told why before anything else is looked at', async () => {
  const nobody = world({ userOf: () => undefined })
  const viewer = world({ userOf: () => ({ name: 'tom', role: 'viewer' }) })
  for (const path of ['/dispatch.list', '/binding.pause']) {
    const response = await nobody.post(path, '{')
    expect(response.status).toBe(401)
    expect(await errorIn(response)).toMatchObject({ kind: 'refused', refusal: 'signed_out' })
  }
  expect((await nobody.app.request('/dispatch.list')).status).toBe(401)
  const response = await viewer.post('/binding.pause', '{')
  expect(response.status).toBe(403)
  expect(await errorIn(response)).toMatchObject({
    refusal: 'role',
    why: 'tom is viewer, binding.pause needs operator',
  })
  expect((await viewer.post('/dispatch.list', {})).status).toBe(200)
  expect(nobody.asked).toEqual([])
  expect(viewer.asked).toEqual([['dispatch.list', {}]])
})

test.each([
  ['no JSON', '{"app": ', {}, 400],
  ['no object', '[1]', {}, 400],
  ['bytes that are none', '{"data":{"$bytes":"%"}}', {}, 400],
  ['deeper than anything', '['.repeat(900), {}, 400],
  ['a form', 'a=1', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
  ['text', '{}', { 'content-type': 'text/plain' }, 415],
  ['too large', JSON.stringify({ text: 'x'.repeat(1000) }), {}, 413],
])('%s is not taken, and changes nothing', async (_what, body, headers, status) => {
  const { asked, post } = world()
  const response = await post('/binding.pause', body, headers)
  expect(response.status).toBe(status)
  expect(await errorIn(response)).toMatchObject({ kind: 'invalid', why: expect.any(String) })
  expect(asked).toEqual([])
})

test('what does not exist says so, in the same words', async () => {
  const { app, asked, post } = world()
  for (const response of [
    await app.request('/dispatch.delete'),
    await post('/constructor', {}),
    await app.request('/a/b'),
  ]) {
    expect(response.status).toBe(404)
    expect(await errorIn(response)).toMatchObject({ kind: 'not_found', code: 'WB6004' })
  }
  const put = await app.request('/dispatch.list', { method: 'PUT' })
  expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, POST'])
  const get = await app.request('/binding.pause')
  expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST'])
  expect(asked).toEqual([])
})

test('an error of a service comes through whole, with the status of its kind', async () => {
  const kinds = [
    refused('not_paused', 'it runs'),
    unavailable('no projector', { retryAfterMs: 1500 }),
  ]
  for (const error of kinds) {
    const { post } = world({}, () => {
      throw error
    })
    const response = await post('/binding.list', {})
    expect(response.status).toBe(statusOf[error.kind])
    expect(await errorIn(response)).toEqual(error.body)
    expect(response.headers.get('retry-after')).toBe(error.kind === 'unavailable' ? '2' : null)
  }
})

test('a bug of ours is told to its owner', async () => {
  const { post, defects } = world({}, () => {
    throw new TypeError('undefined is not a function')
  })
  const response = await post('/binding.list', {})
  expect(response.status).toBe(500)
  expect(await errorIn(response)).toMatchObject({ kind: 'defect' })
  expect(defects).toHaveLength(1)
})

test('every instance answers for itself, and bytes travel as text', async () => {
  const { app } = world({}, () => [{ bytes: new Uint8Array([1, 2]) }])
  const response = await app.request('/service.health')
  expect(await response.json()).toEqual({ answers: [{ bytes: { $bytes: 'AQI=' } }] })
  expect(response.headers.get('cache-control')).toBe('no-store')
})
