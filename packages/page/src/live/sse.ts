import type { LiveBundle } from '@waybill/core'
import type { LiveEar, LiveSource, ProjectorStatus } from './source.ts'

/** The server says something every 5 s; a stream that says nothing for longer is a dead one. */
const silentMs = 12_000
const reopenMs = 1_000

/**
 * EventSource comes back by itself and names the last id it saw, so the server sends what was
 * missed. Where it gives up (the server answered with an error, or says nothing), another one is
 * opened, which knows no last id: everything is read anew.
 */
export function sseSource(url: string): LiveSource {
  return {
    open(ear) {
      let stream = listen(url, ear)
      let heardAt = Date.now()
      const heard = (): void => void (heardAt = Date.now())
      const attach = (): void => {
        for (const name of ['bundle', 'status', 'reset', 'open']) {
          stream.addEventListener(name, heard)
        }
      }
      attach()
      const timer = setInterval(() => {
        const isSilent = Date.now() - heardAt > silentMs
        if (stream.readyState !== EventSource.CLOSED && !isSilent) return
        stream.close()
        stream = listen(url, ear, true)
        heardAt = Date.now()
        attach()
      }, reopenMs)
      return () => {
        clearInterval(timer)
        stream.close()
      }
    },
  }
}

function listen(url: string, ear: LiveEar, again = false): EventSource {
  const stream = new EventSource(url)
  stream.addEventListener('open', () => {
    ear.link('open')
    if (again) ear.reset('the live stream was opened anew')
  })
  stream.addEventListener('error', () => ear.link('lost', 'the dashboard does not answer'))
  stream.addEventListener('bundle', ({ data }: MessageEvent<string>) =>
    ear.bundle(JSON.parse(data) as LiveBundle),
  )
  stream.addEventListener('status', ({ data }: MessageEvent<string>) =>
    ear.status(JSON.parse(data) as ProjectorStatus),
  )
  stream.addEventListener('reset', ({ data }: MessageEvent<string>) =>
    ear.reset((JSON.parse(data) as { why: string }).why),
  )
  return stream
}
