import { expect, test } from 'vitest'
import { filesOf } from './groups.ts'

test('mutation testing knows every file of core', async () => {
  const groups = [...(await filesOf()).values()]
  expect(groups.every((files) => files.length > 0)).toBe(true)
})
