import { defineApp, defineBinding } from '../src/index.ts'

/** What a user's module looks like to the loader. */
export const app = defineApp({
  name: 'sample',
  bindings: [defineBinding({ id: 'log', on: '>', handler: () => undefined })],
})
