import { WaybillError, type Explanation } from '@waybill/core'

/**
 * What an adapter throws. `retryable`: the same call may work later; `terminal`: it never will;
 * `defect`: the caller is wrong. Told apart by class, `code` or `kind`, never by text.
 */
export type LogFaultKind = 'terminal' | 'retryable' | 'defect'

export abstract class LogFault extends WaybillError {
  abstract readonly kind: LogFaultKind
}

/** No answer until the signal was aborted or the patience ended. What was asked may have happened. */
export class LogUnavailable extends LogFault {
  override readonly name = 'LogUnavailable'
  readonly kind = 'retryable'

  constructor(where: string, options?: ErrorOptions) {
    const what = 'the log did not answer'
    super({ code: 'WB3001', what, where, next: 'look at the NATS servers' }, options)
  }
}

/** A limit of the stream or of its storage refused it. Nothing was stored. */
export class LogFull extends LogFault {
  override readonly name = 'LogFull'
  readonly kind = 'retryable'
  /** The server's own error code. */
  readonly serverCode: number

  constructor(where: string, serverCode: number) {
    super({
      code: 'WB3002',
      what: 'the stream is full',
      where,
      why: `the server refuses with error ${serverCode}`,
      next: 'run retention, or give the stream more room',
    })
    this.serverCode = serverCode
  }
}

/** The server, or we before it, will never take this. Nothing was stored. */
export class LogRefused extends LogFault {
  override readonly name = 'LogRefused'
  readonly kind = 'terminal'
  readonly serverCode: number | undefined

  constructor(where: string, why: string, serverCode?: number, options?: ErrorOptions) {
    const code = serverCode === undefined ? '' : ` (error ${serverCode})`
    super({ code: 'WB3003', what: 'the log refused', where, why: `${why}${code}` }, options)
    this.serverCode = serverCode
  }
}

/** Our own queue is full. Nothing was sent. */
export class LogBusy extends LogFault {
  override readonly name = 'LogBusy'
  readonly kind = 'retryable'

  constructor(queued: number, max: number, unit: 'items' | 'bytes') {
    super({
      code: 'WB3004',
      what: 'too much waits to be stored',
      why: `${queued} ${unit} wait, ${max} may`,
      next: 'send again later',
    })
  }
}

export class LogClosed extends LogFault {
  override readonly name = 'LogClosed'
  readonly kind = 'defect'

  constructor(what: string) {
    super({ code: 'WB3005', what: `${what} is closed` })
  }
}

/** A reader can't begin where it was asked to: what stood there is gone, or never was. */
export class PositionLost extends LogFault {
  override readonly name = 'PositionLost'
  readonly kind = 'terminal'
  readonly stream: string
  readonly fromSeq: number
  readonly firstSeq: number
  readonly lastSeq: number

  constructor(stream: string, fromSeq: number, found: { firstSeq: number; lastSeq: number }) {
    const { firstSeq, lastSeq } = found
    super({
      code: 'WB3101',
      what: `messages from ${fromSeq} on can't be read`,
      where: stream,
      why: `it holds ${firstSeq} to ${lastSeq}`,
      next: 'run `waybill doctor` before anything is written',
    })
    this.stream = stream
    this.fromSeq = fromSeq
    this.firstSeq = firstSeq
    this.lastSeq = lastSeq
  }
}

export interface ChainBreak {
  readonly subject: string
  /** Stream sequence of the message at which it shows. */
  readonly seq: number
  /** Number that bundle gives itself; undefined when it can't be read. */
  readonly number: number | undefined
  readonly why: string
}

export class ChainBroken extends LogFault {
  override readonly name = 'ChainBroken'
  readonly kind = 'terminal'
  readonly at: ChainBreak

  constructor(at: ChainBreak, options?: ErrorOptions) {
    const bundle = at.number === undefined ? '' : `, bundle ${at.number}`
    const where = `${at.subject}, message ${at.seq}${bundle}`
    const next = 'run `waybill verify` on a copy of the stream'
    super({ code: 'WB3102', what: 'the journal is broken', where, why: at.why, next }, options)
    this.at = at
  }
}

export class SnapshotExists extends LogFault {
  override readonly name = 'SnapshotExists'
  readonly kind = 'defect'

  constructor(where: string) {
    super({ code: 'WB3103', what: 'a snapshot of this name holds other bytes', where })
  }
}

export class SnapshotDamaged extends LogFault {
  override readonly name = 'SnapshotDamaged'
  readonly kind = 'terminal'

  constructor(where: string, why: string, options?: ErrorOptions) {
    super({ code: 'WB3105', what: 'a snapshot is not what was stored', where, why }, options)
  }
}

export interface TopologyDifference {
  readonly stream: string
  readonly field: string
  readonly wanted: string
  readonly found: string
  /** What to do about it, one sentence. */
  readonly next: string
}

export class TopologyMismatch extends LogFault {
  override readonly name = 'TopologyMismatch'
  readonly kind = 'terminal'
  readonly differences: readonly TopologyDifference[]

  constructor(differences: readonly TopologyDifference[]) {
    const explanation: Explanation = {
      code: 'WB3104',
      what: 'the streams are not as this topology wants them',
      where: [...new Set(differences.map(({ stream }) => stream))].join(', '),
      why: differences.map(lineOf).join(''),
    }
    super(explanation)
    this.differences = differences
  }
}

const lineOf = ({ stream, field, wanted, found, next }: TopologyDifference): string =>
  `\n    ${stream} ${field}: wanted ${wanted}, found ${found} (${next})`
