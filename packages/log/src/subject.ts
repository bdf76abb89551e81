/** Tests a subject against filters: exact ones, or prefixes with a trailing `>`; none = all. */
export function subjectFilter(filters: readonly string[]): (subject: string) => boolean {
  if (filters.length === 0 || filters.includes('>')) return () => true
  const exact = new Set(filters.filter((filter) => !filter.endsWith('.>')))
  const starts = filters
    .filter((filter) => filter.endsWith('.>'))
    .map((filter) => filter.slice(0, -1))
  return (subject) => exact.has(subject) || starts.some((start) => subject.startsWith(start))
}
