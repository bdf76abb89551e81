import {
  fromJson,
  toJson,
  type EndpointName,
  type OneName,
  type RequestOf,
  type ResponseOf,
} from '@waybill/api'

export type Told<K extends EndpointName> = Omit<RequestOf<K>, 'by'>

/** One question or command over HTTP, as anybody with `curl` may put it. */
export async function ask<K extends OneName>(
  dashboard: string,
  name: K,
  request: Told<K>,
): Promise<ResponseOf<K>> {
  const answer = await fetch(`${dashboard}/api/v1/${name}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: toJson(request),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${name} was answered ${answer.status}: ${text}`)
  return fromJson(text) as ResponseOf<K> // by the contract
}
