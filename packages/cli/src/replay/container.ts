import { decode, encode, type Hash } from '@waybill/core'
import { z } from 'zod'
import { CliError } from '../error.ts'
import { exit } from '../exit.ts'

/**
 * The file format of an export. Every byte of it is under a hash that names its place, so whoever
 * flips one is told where:
 *
 *   magic 8 | length of the contents 4, big-endian | contents | sha-256 of the contents 32
 *   | the sections, one after the other | sha-256 of all that comes before 32
 *
 * The contents (canonical MessagePack) list the sections: name, offset in the file, length,
 * sha-256.
 */
export interface Section {
  /** As in `entry 3`; unique in the file. */
  readonly name: string
  readonly bytes: Uint8Array
}

const magic = Uint8Array.of(0x57, 0x41, 0x59, 0x42, 0x49, 0x4c, 0x4c, 0x01) // WAYBILL, version 1
const hashBytes = 32
const contentsFrom = magic.length + 4
const contentsMax = 16 * 1024 * 1024

const contents = z.strictObject({
  sections: z.array(
    z.strictObject({
      name: z.string(),
      length: z.int().nonnegative(),
      hash: z.instanceof(Uint8Array),
    }),
  ),
})

const unbounded = { bytesMax: contentsMax, nodesMax: 10_000_000, keysMax: 10_000_000 }

export function pack(hash: Hash, sections: readonly Section[]): Uint8Array {
  const listed = encode(
    {
      sections: sections.map(({ name, bytes }) => ({
        name,
        length: bytes.length,
        hash: digest(hash, bytes),
      })),
    },
    unbounded,
  )
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, listed.length)
  const body = Buffer.concat([
    magic,
    length,
    listed,
    digest(hash, listed),
    ...sections.map(({ bytes }) => bytes),
  ])
  return Buffer.concat([body, digest(hash, body)])
}

/** @throws CliError WB4101 with the place of the first damage, WB4102 when it is no export */
export function unpack(hash: Hash, file: string, bytes: Uint8Array): readonly Section[] {
  checkMagic(file, bytes)
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(magic.length)
  const sectionsFrom = contentsFrom + length + hashBytes
  if (length > contentsMax || sectionsFrom + hashBytes > bytes.length) {
    throw damaged(
      file,
      'the length of the contents',
      magic.length,
      contentsFrom,
      'it points beyond the end',
    )
  }
  const listed = bytes.subarray(contentsFrom, contentsFrom + length)
  if (!isHashOf(hash, listed, bytes.subarray(contentsFrom + length, sectionsFrom))) {
    throw damaged(file, 'the list of contents', magic.length, sectionsFrom)
  }
  const sections: Section[] = []
  let from = sectionsFrom
  for (const { name, length: size, hash: expected } of listedIn(file, listed)) {
    const section = bytes.subarray(from, from + size)
    if (!isHashOf(hash, section, expected)) throw damaged(file, name, from, from + size)
    sections.push({ name, bytes: section })
    from += size
  }
  checkEnd(hash, file, bytes, from)
  return sections
}

/** Its hash was right, so whoever wrote what cannot be read meant to. */
function listedIn(file: string, listed: Uint8Array): z.infer<typeof contents>['sections'] {
  try {
    return contents.parse(decode(listed, unbounded)).sections
  } catch {
    const to = contentsFrom + listed.length
    throw damaged(file, 'the list of contents', contentsFrom, to, 'it cannot be read as a list')
  }
}

function checkMagic(file: string, bytes: Uint8Array): void {
  const differs = magic.findIndex((byte, at) => bytes[at] !== byte)
  if (bytes.length >= contentsFrom && differs === -1) return
  // A file that begins almost like one is one that was damaged, or one of another version.
  const alike = magic.filter((byte, at) => bytes[at] === byte).length
  if (alike >= magic.length - 1) {
    const why = differs === magic.length - 1 ? 'or it is of another version' : undefined
    throw damaged(file, 'the magic number', differs, magic.length, why)
  }
  throw new CliError({
    code: 'WB4102',
    what: 'this is no export',
    where: file,
    why: 'it does not begin with WAYBILL',
    next: 'make one: waybill export <dispatch>',
    exitCode: exit.failed,
  })
}

function checkEnd(hash: Hash, file: string, bytes: Uint8Array, from: number): void {
  if (from + hashBytes !== bytes.length) {
    const why = from + hashBytes > bytes.length ? 'the end is missing' : 'something was added'
    throw damaged(file, 'the end', from, bytes.length, why)
  }
  if (isHashOf(hash, bytes.subarray(0, from), bytes.subarray(from))) return
  throw damaged(file, 'the sum over the whole file', from, bytes.length)
}

const damaged = (file: string, what: string, from: number, to: number, why?: string): CliError =>
  new CliError({
    code: 'WB4101',
    what: `the export is damaged in ${what}`,
    where: `${file}, bytes ${from} to ${to - 1}`,
    why: why ?? 'these bytes are not the ones that were exported: their sha-256 differs',
    next: 'export it again',
    exitCode: exit.failed,
  })

const digest = (hash: Hash, bytes: Uint8Array): Uint8Array => Buffer.from(hash.bytes(bytes), 'hex')

const isHashOf = (hash: Hash, bytes: Uint8Array, expected: Uint8Array): boolean =>
  Buffer.compare(digest(hash, bytes), expected) === 0
