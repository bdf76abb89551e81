import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromJson, toJson } from '../src/index.ts'

const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.string(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n || 0),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie('value')),
    fc.dictionary(fc.oneof(fc.constantFrom('$bytes', '$$bytes', 'a'), fc.string()), tie('value')),
  ),
})).value

test('whatever is plain comes back equal, bytes and their look-alikes included', () => {
  fc.assert(
    fc.property(plain, (value) => {
      expect(fromJson(toJson({ value }))).toEqual({ value })
    }),
  )
})

test('a Buffer travels as bytes, not as its own spelling', () => {
  expect(toJson([Buffer.from('hi')])).toBe('[{"$bytes":"aGk="}]')
})

test('bytes that are not base64 are not JSON of ours', () => {
  expect(() => fromJson('{"$bytes":"?"}')).toThrow(SyntaxError)
})
