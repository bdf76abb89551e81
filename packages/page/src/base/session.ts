import { useQuery } from './query.ts'
import { send } from './api.ts'

export type Role = 'viewer' | 'operator' | 'approver'

export interface Session {
  readonly user: { readonly name: string; readonly role: Role } | null
  readonly auth: 'none' | 'token'
  readonly apps: readonly string[]
  readonly version: string
}

const key = 'session'
const read = async (signal: AbortSignal): Promise<Session> =>
  (await send('GET', '/api/v1/session', undefined, signal)) as Session // by the contract

export const useSession = () => useQuery(key, read)

export const signIn = (token: string): Promise<unknown> =>
  send('POST', '/api/v1/session', { token })
export const signOut = (): Promise<unknown> => send('DELETE', '/api/v1/session')

/** The server decides; this only keeps a button from promising what it will refuse. */
export function useMayAct(): boolean {
  const { data } = useSession()
  return (
    data !== undefined && (data.user === null ? data.auth === 'none' : data.user.role !== 'viewer')
  )
}
