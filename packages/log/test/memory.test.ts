import { logConformance } from './conformance.ts'
import { memoryWorld } from './fixture/worlds.ts'
import { storeConformance } from './store-conformance.ts'

logConformance('memory', memoryWorld)
storeConformance('memory', memoryWorld)
