import type { Hash } from '@waybill/core'
import { z } from 'zod'
import { appendUntilKnown, type Wire } from '../append.ts'
import { SnapshotDamaged, SnapshotExists } from '../fault.ts'
import type { SnapshotStore, Stored } from '../log.ts'
import { sha256 } from '../sha256.ts'
import { streamNames } from '../topology.ts'
import { messageOf, parseJson, plain, purge, subjectsOf } from './api.ts'
import type { JetStreamStoreOptions } from './leases.ts'
import { jetStreamLimits, type JetStreamLimits } from './limits.ts'
import { Link } from './link.ts'
import { readRange } from './read.ts'
import { createWire } from './wire.ts'

export interface JetStreamSnapshotStore extends SnapshotStore, AsyncDisposable {}

/**
 * An object store as the NATS tools know it. The library's own would overwrite a newer value of a
 * name, store a chunk twice when its ack is lost, and read on for half a minute after a restart.
 */
export function openSnapshots(
  options: JetStreamStoreOptions & { readonly hash?: Hash },
): JetStreamSnapshotStore {
  return new JetStreamSnapshots(options)
}

/** The tools' name for what stands under a name. */
const objectInfo = z.looseObject({
  name: z.string(),
  nuid: z.string(),
  size: z.number(),
  chunks: z.number(),
  digest: z.string(),
  deleted: z.boolean().default(false),
})
type ObjectInfo = z.infer<typeof objectInfo>

/** The same everywhere, so that a put can be finished by another process. */
const chunkBytes = 512 * 1024

class JetStreamSnapshots implements JetStreamSnapshotStore {
  readonly #link: Link
  readonly #limits: JetStreamLimits
  readonly #hash: Hash
  readonly #bucket: string
  readonly #stream: string
  readonly #wire: Wire

  constructor({ nc, topology, limits, hash = sha256 }: JetStreamStoreOptions & { hash?: Hash }) {
    this.#link = new Link(nc)
    this.#limits = { ...jetStreamLimits, ...limits }
    this.#hash = hash
    this.#bucket = streamNames(topology).snapshots
    this.#stream = `OBJ_${this.#bucket}`
    this.#wire = createWire(this.#link, this.#limits, () => this.#stream, topology.replicas)
  }

  /** Chunks first, then the one message that makes them a snapshot. Done again it changes nothing. */
  async put(name: string, bytes: Uint8Array): Promise<void> {
    const sha = this.#hash.bytes(bytes)
    // Of name and content, so that a put that died is finished by the next one.
    const nuid = this.#hash.text(`${name}\n${sha}`).slice(0, 32)
    const chunks = await this.#putChunks(name, this.#chunk(nuid), bytes)
    const info = {
      name,
      bucket: this.#bucket,
      nuid,
      size: bytes.length,
      chunks,
      digest: digestOf(sha),
      mtime: new Date().toISOString(),
      options: { max_chunk_size: chunkBytes },
    }
    const subject = this.#meta(name)
    const outcome = await this.#append(subject, Buffer.from(JSON.stringify(info)), 0)
    if (outcome.kind === 'stored') return
    const there = await this.#info(name)
    if (there?.digest !== info.digest) {
      await this.#purge(this.#chunk(nuid))
      throw new SnapshotExists(name)
    }
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    const info = await this.#info(name)
    if (!info) return undefined
    const bytes = plain(Buffer.concat(await this.#chunksOf(info)))
    if (digestOf(this.#hash.bytes(bytes)) === info.digest) return bytes
    // It may have been removed while it was read.
    const there = await this.#info(name)
    if (!there) return undefined
    throw new SnapshotDamaged(name, `its ${bytes.length} of ${info.size} bytes have another hash`)
  }

  async list(prefix: string): Promise<readonly string[]> {
    const metas = `$O.${this.#bucket}.M.>`
    const subjects = await subjectsOf(this.#link, this.#limits, this.#stream, metas)
    const names = [...subjects.keys()].map((subject) => {
      const encoded = subject.slice(metas.length - 1)
      return Buffer.from(encoded, 'base64url').toString()
    })
    return names.filter((name) => name.startsWith(prefix)).sort()
  }

  /** The name first: what has no name is nobody's. */
  async remove(name: string): Promise<void> {
    const info = await this.#info(name)
    if (!info) return
    await this.#purge(this.#meta(name))
    await this.#purge(this.#chunk(info.nuid))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#link.close()
  }

  async #putChunks(name: string, subject: string, bytes: Uint8Array): Promise<number> {
    let chunks = 0
    let expected = 0
    for (let from = 0; from < bytes.length; from += chunkBytes) {
      const outcome = await this.#append(subject, bytes.subarray(from, from + chunkBytes), expected)
      if (outcome.kind !== 'stored') throw new SnapshotDamaged(name, 'its chunks are not ours')
      expected = outcome.seq
      chunks += 1
    }
    return chunks
  }

  async #chunksOf({ nuid, chunks }: ObjectInfo): Promise<readonly Uint8Array[]> {
    const subject = this.#chunk(nuid)
    const range = { stream: this.#stream, subjects: [subject], fromSeq: 1 }
    if (chunks <= 1) {
      const only = chunks === 0 ? undefined : await this.#wire.last(subject)
      return only ? [only.bytes] : []
    }
    const signal = AbortSignal.timeout(this.#limits.patienceMs)
    const found: Uint8Array[] = []
    for await (const { bytes } of readRange(this.#link, this.#limits, range, signal))
      found.push(bytes)
    return found
  }

  async #info(name: string): Promise<ObjectInfo | undefined> {
    const query = { last_by_subj: this.#meta(name) }
    const found = await messageOf(this.#link, this.#limits, this.#stream, query)
    if (!found) return undefined
    const info = parseInfo(name, found)
    return info.deleted ? undefined : info
  }

  async #append(subject: string, bytes: Uint8Array, expected: number) {
    const signal = AbortSignal.timeout(this.#limits.patienceMs)
    return appendUntilKnown(this.#wire, { subject, bytes, expected }, { signal })
  }

  async #purge(subject: string): Promise<void> {
    await purge(this.#link, this.#limits, this.#stream, subject)
  }

  #meta(name: string): string {
    const encoded = Buffer.from(name).toString('base64url')
    return `$O.${this.#bucket}.M.${encoded}${'='.repeat((4 - (encoded.length % 4)) % 4)}`
  }

  #chunk(nuid: string): string {
    return `$O.${this.#bucket}.C.${nuid}`
  }
}

function parseInfo(name: string, { bytes }: Stored): ObjectInfo {
  const { success, data, error } = objectInfo.safeParse(parseJson(bytes))
  if (success) return data
  throw new SnapshotDamaged(name, 'its description can’t be read', { cause: error })
}

/** `SHA-256=` and base64url, padded: 32 bytes always need one sign. */
const digestOf = (sha: string): string =>
  `SHA-256=${Buffer.from(sha, 'hex').toString('base64url')}=`
