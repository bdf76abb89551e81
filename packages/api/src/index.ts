export {
  type ApiClient,
  type ApiClientOptions,
  type CallOptions,
  createApiClient,
} from './client.ts'
export {
  type Answer,
  type Asked,
  type EachName,
  type EndpointName,
  endpointNames,
  type Endpoints,
  endpoints,
  endpointSubject,
  type OneName,
  type RequestOf,
  type ResponseOf,
} from './contract.ts'
export type { Endpoint, Owner } from './endpoint.ts'
export {
  ambiguous,
  ApiError,
  type ApiErrorBody,
  apiErrorBody,
  type ApiErrorKind,
  apiErrorKind,
  defect,
  exitCodeOf,
  invalid,
  issuesOf,
  notFound,
  refused,
  statusOf,
  unavailable,
} from './error.ts'
export { fromJson, toJson } from './json.ts'
export {
  type Call,
  type Handlers,
  type ServedEndpoints,
  serveEndpoints,
  type ServeOptions,
} from './micro.ts'
export type { Operation } from './operations.ts'
export { limitsOf, operationsOf, type Pause, pauseOf, type WholeLimit } from './together.ts'
export type { AsOf, DeadLetter, DispatchRow, PartitionRow } from './shapes.ts'
