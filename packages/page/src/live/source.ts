import type { LiveBundle } from '@waybill/core'

/** Where live news come from. Server-sent events by default; NATS over WebSocket for the trusted. */
export interface LiveSource {
  /** Begins to listen; what it returns ends it. It connects again by itself, for ever. */
  open(ear: LiveEar): () => void
}

export interface LiveEar {
  bundle(bundle: LiveBundle): void
  status(status: ProjectorStatus): void
  /** Something may have been missed: what is shown must be read anew. */
  reset(why: string): void
  link(link: LinkState, why?: string): void
}

export type LinkState = 'connecting' | 'open' | 'lost'

export interface ProjectorStatus {
  /** Of the server to NATS: the page may well be connected to a server that is not. */
  readonly connected: boolean
  /** Messages that the rows do not know of yet. */
  readonly behind: number
  readonly asOf: Readonly<Record<string, number>>
}
