/** How much of something is used: the numbers say it, the bar only helps to see it. */
export function Meter({ used, max }: { readonly used: number; readonly max: number }) {
  const part = Math.min(1, max === 0 ? 0 : used / max)
  return (
    <span className="meter" data-tone={part >= 1 ? 'held' : 'running'}>
      <span className="meter-track" aria-hidden="true">
        <span style={{ width: `${part * 100}%` }} />
      </span>
      {used} / {max}
    </span>
  )
}
