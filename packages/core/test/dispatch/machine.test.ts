import { expect, test } from 'vitest'
import { dispatchEvent, dispatchMachine, dispatchState } from '../../src/index.ts'

test('the machine handles every kind of event of the schema, and no other', () => {
  const kinds = dispatchEvent.options.map((option) => option.shape.type.value)
  expect([...dispatchMachine.events].sort()).toEqual([...kinds].sort())
})

test('the machine has every state of the schema, and no other', () => {
  expect(Object.keys(dispatchMachine.states).sort()).toEqual([...dispatchState.options].sort())
})
