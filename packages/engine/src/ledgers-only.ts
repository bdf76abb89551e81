import { sharedApp, type HostedApp } from '@waybill/core'
import { EngineDefect } from './fault.ts'

/** The app that leads the ledgers of scope global: it has no bindings, so nobody asks it anything. */
export const ledgersOnly: HostedApp<AbortSignal> = {
  name: sharedApp,
  definitions: [],
  events: [],
  hosts: () => false,
  verdict: refuse,
  judge: refuse,
  run: refuse,
}

function refuse(): never {
  throw new EngineDefect(`${sharedApp} has no bindings`)
}
