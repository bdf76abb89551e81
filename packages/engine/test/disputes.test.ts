import type { KeyedLimit } from '@waybill/core'
import { expect, test } from 'vitest'
import { findDisputes } from '../src/index.ts'
import { appOf, createSystem, definition } from './system.ts'

const limit = (max: number, scope: KeyedLimit['scope'] = 'global'): KeyedLimit => ({
  name: 'bank',
  scope,
  rule: { kind: 'concurrency', max },
})

const app = (name: string, ...limits: KeyedLimit[]) =>
  appOf({
    name,
    definitions: [definition({ flow: { limits, holdWhileRetrying: false } })],
  })

test('7.6 two apps that name one global limit with different rules are told of both', async () => {
  const { log, topology, deploy } = createSystem()
  await deploy(app('billing', limit(3)))
  await deploy(app('shop', limit(5)))
  const found = [
    {
      limit: '@global/bank',
      rule: { kind: 'concurrency', max: 5 },
      app: 'billing',
      theirs: { kind: 'concurrency', max: 3 },
    },
  ]
  expect(await findDisputes(log, topology, app('shop', limit(5)))).toEqual(found)
  // Before it is deployed, too; with one rule there is nothing to say, nor in another scope.
  expect(await findDisputes(log, topology, app('new', limit(5)))).toEqual(found)
  expect(await findDisputes(log, topology, app('billing', limit(5)))).toEqual([])
  expect(await findDisputes(log, topology, app('new', limit(9, 'app')))).toEqual([])
  // What is not active any more is nobody's rule.
  await deploy(app('billing', limit(5)))
  expect(await findDisputes(log, topology, app('shop', limit(5)))).toEqual([])
})
