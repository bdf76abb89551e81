import machine from './machine-1.json' with { type: 'json' }
import type { Laid } from './picture.ts'

/**
 * Machine 1, laid out once and for all: a machine that shipped is never edited. The way of a
 * dispatch runs from left to right; what it waits for lies above and below; ends are at the right.
 */
export const machine1: Laid = {
  version: machine.version,
  branches: machine.branches,
  size: { width: 1000, height: 512 },
  /** Around the states from which it can be stopped, whichever it is in. */
  open: { x: 16, y: 44, width: 724, height: 372 },
  states: [
    { name: 'received', x: 90, y: 220 },
    { name: 'predicate', x: 260, y: 220 },
    { name: 'flowGated', x: 430, y: 220 },
    { name: 'attempting', x: 640, y: 220 },
    { name: 'waiting', x: 535, y: 90 },
    { name: 'retryWait', x: 535, y: 350 },
    { name: 'succeeded', x: 900, y: 110 },
    { name: 'failed', x: 900, y: 180 },
    { name: 'dlq', x: 900, y: 250 },
    { name: 'cancelled', x: 900, y: 340 },
    { name: 'superseded', x: 900, y: 398 },
    { name: 'skipped', x: 345, y: 484 },
  ],
  arrows: [
    { from: 'received', to: 'predicate', way: [148, 220, 202, 220] },
    { from: 'received', to: 'flowGated', way: [90, 201, 90, 160, 400, 160, 400, 201] },
    { from: 'received', to: 'dlq', way: [90, 239, 90, 446, 782, 446, 782, 263, 842, 263] },
    { from: 'predicate', to: 'flowGated', way: [318, 220, 372, 220] },
    { from: 'predicate', to: 'predicate', way: [278, 239, 278, 260, 300, 260, 300, 239] },
    { from: 'predicate', to: 'waiting', way: [268, 201, 268, 102, 477, 102] },
    { from: 'predicate', to: 'skipped', way: [250, 239, 250, 484, 287, 484] },
    { from: 'waiting', to: 'predicate', way: [477, 78, 248, 78, 248, 201] },
    { from: 'waiting', to: 'flowGated', way: [505, 109, 505, 148, 458, 148, 458, 201] },
    { from: 'waiting', to: 'attempting', way: [593, 102, 626, 102, 626, 201] },
    { from: 'waiting', to: 'dlq', way: [535, 71, 535, 22, 982, 22, 982, 250, 958, 250] },
    { from: 'flowGated', to: 'flowGated', way: [418, 201, 418, 180, 440, 180, 440, 201] },
    { from: 'flowGated', to: 'attempting', way: [488, 220, 582, 220] },
    { from: 'flowGated', to: 'retryWait', way: [436, 239, 436, 362, 477, 362] },
    { from: 'flowGated', to: 'skipped', way: [380, 239, 380, 465] },
    { from: 'flowGated', to: 'dlq', way: [408, 239, 408, 432, 766, 432, 766, 250, 842, 250] },
    {
      from: 'flowGated',
      to: 'superseded',
      way: [394, 239, 394, 426, 820, 426, 820, 404, 842, 404],
    },
    { from: 'retryWait', to: 'flowGated', way: [477, 338, 462, 338, 462, 239] },
    { from: 'retryWait', to: 'attempting', way: [593, 338, 606, 338, 606, 239] },
    { from: 'attempting', to: 'retryWait', way: [628, 239, 628, 362, 593, 362] },
    { from: 'attempting', to: 'waiting', way: [650, 201, 650, 78, 593, 78] },
    { from: 'attempting', to: 'attempting', way: [660, 239, 660, 260, 682, 260, 682, 239] },
    { from: 'attempting', to: 'succeeded', way: [698, 208, 772, 208, 772, 110, 842, 110] },
    { from: 'attempting', to: 'failed', way: [698, 218, 790, 218, 790, 180, 842, 180] },
    { from: 'attempting', to: 'dlq', way: [698, 230, 808, 230, 808, 240, 842, 240] },
    { from: 'any', to: 'dlq', way: [740, 300, 900, 300, 900, 269] },
    { from: 'any', to: 'cancelled', way: [740, 340, 842, 340] },
    { from: 'any', to: 'superseded', way: [740, 398, 842, 398] },
  ],
}
