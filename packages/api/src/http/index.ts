export { bodyOf, createHttpApi, errorOf, type HttpApiOptions } from './api.ts'
export { answerError, forbidden, HttpError, noSuchPath, notTaken, signedOut } from './error.ts'
export { may, role, type Role, type User } from './user.ts'
