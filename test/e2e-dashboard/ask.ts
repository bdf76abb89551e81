import {
  fromJson,
  toJson,
  type EachName,
  type EndpointName,
  type OneName,
  type RequestOf,
  type ResponseOf,
} from '@waybill/api'

/** Who asks is known from the session. */
type Told<K extends EndpointName> = Omit<RequestOf<K>, 'by'>

/** One question or command over HTTP, as anybody with `curl` may put it. */
export async function ask<K extends OneName>(
  dashboard: string,
  name: K,
  request: Told<K>,
): Promise<ResponseOf<K>> {
  return (await send(dashboard, name, request)) as ResponseOf<K> // by the contract
}

/** Of every instance that answers. */
export async function askEach<K extends EachName>(
  dashboard: string,
  name: K,
  request: Told<K>,
): Promise<ResponseOf<K>[]> {
  const { answers } = (await send(dashboard, name, request)) as { answers: ResponseOf<K>[] }
  return answers
}

async function send(dashboard: string, name: EndpointName, request: unknown): Promise<unknown> {
  const { status, body } = await post(dashboard, name, toJson(request))
  if (status !== 200) throw new Error(`${name} was answered ${status}: ${JSON.stringify(body)}`)
  return body
}

/** Whatever is sent, and whatever comes back. */
export async function post(
  dashboard: string,
  name: EndpointName,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly body: unknown }> {
  const answer = await fetch(`${dashboard}/api/v1/${name}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  })
  return { status: answer.status, body: fromJson(await answer.text()) }
}
