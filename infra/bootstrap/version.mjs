/** '2.15.1' -> [2, 15, 1]; anything behind the third number (`-dev`, `+build`) does not count. */
export function parseVersion(text) {
  const match = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(text ?? '')
  return match ? match.slice(1).map((digits) => Number(digits ?? 0)) : undefined
}

export function isAtLeast(version, floor) {
  const [have, need] = [parseVersion(version), parseVersion(floor)]
  if (!have || !need) return false
  for (const [index, number] of need.entries()) {
    if (have[index] !== number) return have[index] > number
  }
  return true
}
