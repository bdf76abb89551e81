import { WaybillError } from '@waybill/core'

/** The journal is not the one these rows were folded from. */
export class JournalReplaced extends WaybillError {
  override readonly name = 'JournalReplaced'

  constructor(stream: string, folded: string, found: string) {
    super({
      code: 'WB5001',
      what: 'the read store was folded from another journal',
      where: stream,
      why: `the store knows the stream created ${folded}, the one there was created ${found}`,
      next: 'if the journal is the right one: waybill projection rebuild',
    })
  }
}

/** Somebody else writes this store. */
export class StoreLocked extends WaybillError {
  override readonly name = 'StoreLocked'

  constructor(file: string, options?: ErrorOptions) {
    super(
      {
        code: 'WB5002',
        what: 'the read store is in use by another projector',
        where: file,
        why: 'one process writes a store; a second one would fold everything twice',
        next: 'stop the other one, or give this one its own --instance',
      },
      options,
    )
  }
}

/** The file is from a newer Waybill, or no read store at all. */
export class StoreUnknown extends WaybillError {
  override readonly name = 'StoreUnknown'

  constructor(file: string, why: string, options?: ErrorOptions) {
    super(
      {
        code: 'WB5003',
        what: 'the read store cannot be used',
        where: file,
        why,
        next: 'move the file away: it is built anew from the journal',
      },
      options,
    )
  }
}

/** What was asked for is not in the store, or too vague; services say so in their own words. */
export class NotFound extends Error {
  override readonly name = 'NotFound'
  readonly kind: string
  readonly id: string

  constructor(kind: string, id: string) {
    super(`no such ${kind}: ${id}`)
    this.kind = kind
    this.id = id
  }
}

export class Ambiguous extends Error {
  override readonly name = 'Ambiguous'
  readonly kind: string
  readonly prefix: string
  readonly candidates: readonly string[]

  constructor(kind: string, prefix: string, candidates: readonly string[]) {
    super(`more than one ${kind} begins with ${prefix}`)
    this.kind = kind
    this.prefix = prefix
    this.candidates = candidates
  }
}

/** A cursor that this store did not give. */
export class BadCursor extends Error {
  override readonly name = 'BadCursor'
}
