/** Keys by their names: `j`, `g d`, `mod+k`, `Enter`. A space stands between two strokes. */

export interface Stroke {
  readonly key: string
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly altKey: boolean
}

export function strokeName({ key, ctrlKey, metaKey, altKey }: Stroke): string {
  const name = key === ' ' ? 'Space' : key
  const mod = ctrlKey || metaKey ? 'mod+' : ''
  return `${mod}${altKey ? 'alt+' : ''}${mod === '' ? name : name.toLowerCase()}`
}

/** Letters and Space: what a voice or a stray hand may press by mistake (WCAG 2.1.4). */
export const isSingle = (stroke: string): boolean => stroke.length === 1 || stroke === 'Space'

/**
 * What a stroke means after those before it: `hit` names the keys to act on, `pending` what to
 * remember because more may follow.
 */
export function advance(
  pending: string,
  stroke: string,
  known: readonly string[],
): { readonly hit?: string; readonly pending: string } {
  const tried = pending === '' ? [stroke] : [`${pending} ${stroke}`, stroke]
  for (const keys of tried) {
    if (known.includes(keys)) return { hit: keys, pending: '' }
    if (known.some((one) => one.startsWith(`${keys} `))) return { pending: keys }
  }
  return { pending: '' }
}
