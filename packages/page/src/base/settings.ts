import { useSyncExternalStore } from 'react'

/** What this browser remembers; everything else is in the address bar or on the server. */
export interface Settings {
  readonly theme: 'system' | 'light' | 'dark'
  /** Keys without a modifier (WCAG 2.1.4: they can be switched off). */
  readonly singleKeys: boolean
  readonly views: readonly SavedView[]
}
export interface SavedView {
  readonly name: string
  /** Of which page, and its parameters. */
  readonly path: string
  readonly search: string
}

const place = 'waybill.settings'
const defaults: Settings = { theme: 'system', singleKeys: true, views: [] }
const listeners = new Set<() => void>()
let settings = read()

export const useSettings = (): Settings => useSyncExternalStore(subscribe, () => settings)

export const currentSettings = (): Settings => settings

export function changeSettings(changes: Partial<Settings>): void {
  settings = { ...settings, ...changes }
  localStorage.setItem(place, JSON.stringify(settings))
  showTheme()
  for (const listener of listeners) listener()
}

export function showTheme(): void {
  document.documentElement.dataset['theme'] = settings.theme
}

/** Written by another version, or by hand: what cannot be read counts as not set. */
function read(): Settings {
  try {
    const stored = JSON.parse(localStorage.getItem(place) ?? '{}') as Partial<Settings>
    return { ...defaults, ...stored }
  } catch {
    return defaults
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}
