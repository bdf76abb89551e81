export { openSqliteStore } from './sqlite/store.ts'
export { openFolder } from './fold.ts'
export * from './projector.ts'
export * from './rebuild.ts'
