import { useEffect, useState } from 'react'

/** Short words at the bottom of the page; a screen reader reads them when it has time. */
let heard: ((text: string) => void) | undefined
const shownMs = 4000

export function say(text: string): void {
  heard?.(text)
}

export function Said() {
  const [text, setText] = useState('')
  useEffect(() => {
    heard = setText
    return () => {
      heard = undefined
    }
  }, [])
  useEffect(() => {
    if (text === '') return undefined
    const timer = setTimeout(() => setText(''), shownMs)
    return () => clearTimeout(timer)
  }, [text])
  return (
    <div className="said" role="status" aria-live="polite">
      {text !== '' && <span>{text}</span>}
    </div>
  )
}
