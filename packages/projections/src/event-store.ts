import { decode, type WaybillEvent, waybillEvent } from '@waybill/core'
import { decodeBatch, type EventLog } from '@waybill/log'

export interface EventPlace {
  readonly stream: string
  readonly seq: number
  /** Place in the message. */
  readonly place: number
}

/**
 * The envelope where it was accepted. Undefined: retention has purged it.
 *
 * @throws what decoding throws, when something else lies there
 */
export async function readEvent(
  log: Pick<EventLog, 'get'>,
  { stream, seq, place }: EventPlace,
): Promise<WaybillEvent | undefined> {
  const message = await log.get(stream, seq)
  const bytes = message && decodeBatch(message.bytes)[place]
  return bytes && waybillEvent.parse(decode(bytes))
}
