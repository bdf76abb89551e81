import { logConformance } from './conformance.ts'
import { memoryWorld } from './fixture/worlds.ts'

logConformance('memory', memoryWorld)
