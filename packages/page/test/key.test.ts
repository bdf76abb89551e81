import { describe, expect, test } from 'vitest'
import { advance, strokeName } from '../src/base/key.ts'

const known = ['j', 'g', 'g d', '?', 'mod+k', 'Space']
const plain = { ctrlKey: false, metaKey: false, altKey: false }

test('strokes have names', () => {
  expect(strokeName({ ...plain, key: ' ' })).toBe('Space')
  expect(strokeName({ ...plain, key: 'K', metaKey: true })).toBe('mod+k')
  expect(strokeName({ ...plain, key: '?' })).toBe('?')
})

describe('strokes after each other', () => {
  test('a key of its own is hit at once', () => {
    expect(advance('', 'j', known)).toEqual({ hit: 'j', pending: '' })
  })
  test('the beginning of a sequence waits for its end', () => {
    expect(advance('', 'g', ['g d'])).toEqual({ pending: 'g' })
    expect(advance('g', 'd', ['g d'])).toEqual({ hit: 'g d', pending: '' })
  })
  test('what fits no sequence counts as itself', () => {
    expect(advance('g', 'j', known)).toEqual({ hit: 'j', pending: '' })
    expect(advance('g', 'q', known)).toEqual({ pending: '' })
  })
})
