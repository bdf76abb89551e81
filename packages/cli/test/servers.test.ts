import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { natsFixture } from '../../../test/fixture/nats.ts'
import { waybill } from './waybill.ts'

const nats = natsFixture()
const nobody = 'nats://127.0.0.1:1'

test.each([
  ['first', () => `${nats.url},${nobody}`],
  ['last', () => `${nobody}, ${nats.url}`],
])(
  'a service tries every server that it is given: the living one is the %s',
  async (_, servers) => {
    const env = { NATS_URL: servers(), WAYBILL_NATS_CONNECT_WITHIN_MS: '3000' }
    const { stderr } = await waybill(['ingress', '--port', '0'], { cwd: tmpdir(), env })
    // It is reached, and has no streams yet.
    expect(stderr).toContain('WB2101')
  },
)
