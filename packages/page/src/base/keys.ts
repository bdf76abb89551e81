import { useEffect, useRef } from 'react'
import { advance, isSingle, strokeName } from './key.ts'
import { currentSettings } from './settings.ts'

export interface KeyAction {
  readonly keys: string
  /** For the help: what it does. */
  readonly what: string
  readonly do: () => void
}

/** The latest who names a key gets it: a dialog before its page, a page before the frame. */
const layers: { actions: readonly KeyAction[] }[] = []
const waitMs = 1200
let pending = ''
let timer: ReturnType<typeof setTimeout> | undefined

/** Holds while the component is there; the actions may be new ones at each render. */
export function useKeys(actions: readonly KeyAction[]): void {
  const layer = useRef({ actions })
  layer.current.actions = actions
  useEffect(() => {
    const mine = layer.current
    if (layers.length === 0) addEventListener('keydown', press)
    layers.push(mine)
    return () => {
      layers.splice(layers.indexOf(mine), 1)
      if (layers.length === 0) removeEventListener('keydown', press)
    }
  }, [])
}

/** Every key that does something now, for the help. */
export function keysInForce(): readonly KeyAction[] {
  const known = new Map<string, KeyAction>()
  for (const { actions } of layers) for (const one of actions) known.set(one.keys, one)
  return [...known.values()]
}

function press(event: KeyboardEvent): void {
  const stroke = strokeName(event)
  if (event.defaultPrevented || modifiers.includes(event.key) || !isMeant(event, stroke)) return
  const all = layers.flatMap(({ actions }) => actions)
  const known = all.map(({ keys }) => keys)
  clearTimeout(timer)
  const next = advance(pending, stroke, known)
  pending = next.pending
  if (pending !== '') timer = setTimeout(() => (pending = ''), waitMs)
  if (next.hit === undefined && pending === '') return
  event.preventDefault()
  all.findLast(({ keys }) => keys === next.hit)?.do()
}

const modifiers = ['Control', 'Meta', 'Shift', 'Alt']

/** Is the page meant, or what has the focus? */
function isMeant(event: KeyboardEvent, stroke: string): boolean {
  if (stroke.startsWith('mod+')) return true
  if (isSingle(stroke) && !currentSettings().singleKeys) return false
  return !isTyping(event.target) && !inDialog() && !isOnControl(event)
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) &&
  !(target instanceof HTMLInputElement && ['checkbox', 'radio', 'button'].includes(target.type))

/** Enter, Space and arrows belong to what has the focus: a button, a slider, a list of tabs. */
function isOnControl({ key, target }: KeyboardEvent): boolean {
  if (!/^(Enter| |Arrow|Home|End)/.test(key) || !(target instanceof Element)) return false
  return (
    target.closest('button, a, summary, input, [role=tab], [role=option], .react-flow') !== null
  )
}

const inDialog = (): boolean => document.querySelector('dialog[open]') !== null
