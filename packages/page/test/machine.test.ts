import { dispatchMachine, MACHINE_VERSION } from '@waybill/core'
import { expect, test } from 'vitest'

/**
 * What the picture of the machine is drawn from. A machine that shipped is never edited, so a
 * change here is a new version: `vitest run -u` writes its file, which then wants places.
 */
test('the picture has every state and every branch of the machine', async () => {
  const states = Object.values(dispatchMachine.states)
  const branches = [dispatchMachine.root, ...states].flatMap((node) => {
    const from = node.path.join('.') || 'any'
    const named = [...node.transitions].map(([event, all]) => ({ event, all }))
    const always = node.always ? [{ event: 'always', all: node.always }] : []
    return [...always, ...named].flatMap(({ event, all }) =>
      all.map(({ target, guard }, at) => ({
        id: `${from}:${event}:${at}`,
        from,
        to: target?.[0]?.key ?? from,
        event,
        ...(typeof guard === 'string' && { guard }),
      })),
    )
  })
  const machine = {
    version: MACHINE_VERSION,
    states: states.map(({ key, type }) => ({ name: key, final: type === 'final' })),
    branches,
  }
  await expect(`${JSON.stringify(machine, null, 2)}\n`).toMatchFileSnapshot(
    `../src/pages/dispatch/machine/machine-${MACHINE_VERSION}.json`,
  )
})
