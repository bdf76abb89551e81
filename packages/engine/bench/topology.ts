import { embeddedTopology, type Topology } from '@waybill/log'

export const topology: Topology = {
  ...embeddedTopology,
  slots: Number(process.env['SLOTS'] ?? embeddedTopology.slots),
}
