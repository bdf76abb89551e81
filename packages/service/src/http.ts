import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'

export interface HttpServer extends AsyncDisposable {
  readonly port: number
}

export interface HttpServerOptions {
  readonly host: string
  /** 0 = any free one. */
  readonly port: number
  /** A request that is not whole by then is answered 408 and its connection closed. */
  readonly requestWithinMs: number
  readonly connectionsMax: number
  /** How long requests in progress may take once it closes. */
  readonly drainMs: number
}

const limits = {
  headerBytesMax: 16 * 1024,
  headersCountMax: 100,
  headersWithinMs: 10_000,
  keepAliveMs: 5000,
  /** How often slow connections are looked for. */
  checkEveryMs: 1000,
}

/** Node's own server with every limit set: a slow or endless sender costs one connection, not us. */
export async function openHttpServer(
  { fetch }: { readonly fetch: Parameters<typeof createAdaptorServer>[0]['fetch'] },
  options: HttpServerOptions,
): Promise<HttpServer> {
  const server = createAdaptorServer({
    fetch,
    hostname: options.host,
    overrideGlobalObjects: false,
    serverOptions: {
      maxHeaderSize: limits.headerBytesMax,
      headersTimeout: Math.min(limits.headersWithinMs, options.requestWithinMs),
      requestTimeout: options.requestWithinMs,
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: Math.min(limits.checkEveryMs, options.requestWithinMs),
    },
  }) as Server // no other kind was asked for
  const closeIdle = watchConnections(server)
  server.maxHeadersCount = limits.headersCountMax
  server.maxConnections = options.connectionsMax
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port, options.host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port, // listening on TCP, so it has one
    [Symbol.asyncDispose]: () => close(server, closeIdle, options.drainMs),
  }
}

/**
 * Node calls a connection idle only between two requests: one that never sent anything, or is in
 * the middle of its headers, would hold up the end for as long as headers may take.
 */
function watchConnections(server: Server): () => void {
  const open = new Set<Socket>()
  const busy = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    busy.add(socket)
    response.once('close', () => busy.delete(socket))
  })
  return () => {
    for (const socket of open) if (!busy.has(socket)) socket.destroy()
  }
}

/** Takes no connection more, lets what is in progress end, cuts what takes too long. */
async function close(server: Server, closeIdle: () => void, drainMs: number): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), drainMs)
  await new Promise<void>((resolve) => {
    server.close(() => resolve())
    closeIdle()
  })
  clearTimeout(cut)
}
