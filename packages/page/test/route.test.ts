import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { carrying, href, matchPath, withSearch } from '../src/base/route.ts'

describe('a path fits its pattern', () => {
  test.each([
    ['/', '/', {}],
    ['/dispatches', '/dispatches', {}],
    ['/dispatches', '/dispatches/', {}],
    ['/dispatches/:id', '/dispatches/1-2-ab', { id: '1-2-ab' }],
    ['/x/:id', '/x/a%2Fb', { id: 'a/b' }],
    ['/x/:id', '/x/%', { id: '%' }],
    ['/dispatches/:id', '/dispatches', undefined],
    ['/dispatches', '/dispatches/1', undefined],
    ['/', '/dispatches', undefined],
  ])('%s against %s', (pattern, path, wanted) => {
    expect(matchPath(pattern, path)).toEqual(wanted)
  })
})

test('parameters that are set are read back, those that are emptied are gone', () => {
  const name = fc.stringMatching(/^[a-z]{1,6}$/)
  const values = fc.dictionary(name, fc.string())
  fc.assert(
    fc.property(values, values, (before, changes) => {
      const search = withSearch(withSearch(new URLSearchParams(), before), changes)
      const url = new URL(href('/dispatches', search), 'http://page')
      const wanted = Object.entries({ ...before, ...changes }).filter(([, value]) => value !== '')
      expect(Object.fromEntries(url.searchParams)).toEqual(Object.fromEntries(wanted))
    }),
  )
})

test('the app that was chosen goes along, unless the link chooses another', () => {
  const from = new URLSearchParams('app=shop&state=dlq')
  expect(carrying('/flow', from, ['app'])).toBe('/flow?app=shop')
  expect(carrying('/flow?app=other#x', from, ['app'])).toBe('/flow?app=other#x')
})
