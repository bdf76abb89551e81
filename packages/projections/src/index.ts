export { openSqliteStore } from './sqlite/store.ts'
export { openFolder } from './fold.ts'
