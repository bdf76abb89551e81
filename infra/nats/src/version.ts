/** Compares `2.15.1` with `2.12.7`; what follows the third number (`-dev`) does not count. */
export function isAtLeast(version: string, floor: string): boolean {
  const [have, need] = [numbers(version), numbers(floor)]
  const differing = need.findIndex((number, index) => have[index] !== number)
  return differing === -1 || (have[differing] ?? 0) > (need[differing] ?? 0)
}

function numbers(version: string): number[] {
  return version.split(/[.+-]/).slice(0, 3).map(Number)
}
