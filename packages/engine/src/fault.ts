/**
 * What the engine throws. `halt`: this partition must not go on until somebody looked; `exit`: this
 * process must not go on. Nothing here is told apart by its text.
 */
export abstract class EngineFault extends Error {
  abstract readonly code:
    | 'engine.position'
    | 'engine.journal'
    | 'engine.snapshot'
    | 'engine.rules'
    | 'engine.duplicate-instance'
    | 'engine.defect'
  abstract readonly kind: 'halt' | 'exit'
}

/** An input stream is not the one that was read before, so nothing can be read on from there. */
export class InputLost extends EngineFault {
  override readonly name = 'InputLost'
  readonly code = 'engine.position'
  readonly kind = 'halt'
  readonly stream: string
  readonly seq: number
  readonly how: 'recreated' | 'purged' | 'cut short' | 'rewritten'

  constructor(stream: string, seq: number, how: InputLost['how'], detail: string) {
    super(`${stream} at ${seq} is ${how}: ${detail}`)
    this.stream = stream
    this.seq = seq
    this.how = how
  }
}

/** The journal has a hole, an edit, or a bundle of somebody else. */
export class JournalBroken extends EngineFault {
  override readonly name = 'JournalBroken'
  readonly code = 'engine.journal'
  readonly kind = 'halt'
  readonly subject: string
  readonly seq: number

  constructor(subject: string, seq: number, what: string, options?: ErrorOptions) {
    super(`${subject} at ${seq}: ${what}`, options)
    this.subject = subject
    this.seq = seq
  }
}

/** The snapshot that a checkpoint points at is not there, or not what was stored. */
export class SnapshotBroken extends EngineFault {
  override readonly name = 'SnapshotBroken'
  readonly code = 'engine.snapshot'
  readonly kind = 'halt'
  readonly snapshot: string

  constructor(snapshot: string, what: string, options?: ErrorOptions) {
    super(`snapshot ${snapshot}: ${what}`, options)
    this.snapshot = snapshot
  }
}

/** Written under rules that this build does not know: it may not even fold them. */
export class RulesUnknown extends EngineFault {
  override readonly name = 'RulesUnknown'
  readonly code = 'engine.rules'
  readonly kind = 'halt'

  constructor(subject: string, found: number, known: number) {
    super(`${subject} is written under rules ${found}, this build knows up to ${known}`)
  }
}

/** Two living processes call themselves the same. */
export class DuplicateInstance extends EngineFault {
  override readonly name = 'DuplicateInstance'
  readonly code = 'engine.duplicate-instance'
  readonly kind = 'exit'

  constructor(instance: string) {
    super(`another process that calls itself ${instance} is alive`)
  }
}

/** A bug of ours: seen at once, before it writes anything. */
export class EngineDefect extends EngineFault {
  override readonly name = 'EngineDefect'
  readonly code = 'engine.defect'
  readonly kind = 'exit'
}
