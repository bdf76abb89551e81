export { createTestBed, type TestBed, type TestBedOptions } from './testing/bed.ts'
export type { TestDispatch, TestEvent, TestTransition, TestWait } from './testing/dispatches.ts'
export { ReplayDiverged } from './testing/replay.ts'
