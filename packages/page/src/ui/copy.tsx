import { useEffect, useState } from 'react'
import { Icon, type IconName } from './icon.tsx'
import { say } from './said.tsx'

/** Where the clipboard is denied (no https, no focus) it is said, not passed over. */
export function copyText(text: string, what = 'Copied'): void {
  const done = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error('no clipboard'))
  done.then(
    () => say(what),
    () => say('The browser did not let the page write to the clipboard'),
  )
}

export function CopyButton({
  text,
  what,
  label,
  icon = 'copy',
}: {
  readonly text: string
  readonly what: string
  /** Shown beside the icon; without it the button is the icon alone. */
  readonly label?: string
  readonly icon?: IconName
}) {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return undefined
    const timer = setTimeout(() => setCopied(false), 1200)
    return () => clearTimeout(timer)
  }, [copied])
  return (
    <button
      type="button"
      className={label === undefined ? 'icon-button' : ''}
      aria-label={`copy ${what}`}
      title={`copy ${what}`}
      onClick={() => {
        copyText(text, `Copied ${what}`)
        setCopied(true)
      }}
    >
      <Icon name={copied ? 'check' : icon} size={14} />
      {label}
    </button>
  )
}
