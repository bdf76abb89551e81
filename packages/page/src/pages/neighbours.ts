/** The list that a dispatch was opened from: `[` and `]` walk through it. */
let ids: readonly string[] = []

export function setNeighbours(list: readonly string[]): void {
  ids = list
}

export function neighboursOf(id: string): { readonly before?: string; readonly after?: string } {
  const at = ids.indexOf(id)
  if (at === -1) return {}
  const [before, after] = [ids[at - 1], ids[at + 1]]
  return { ...(before !== undefined && { before }), ...(after !== undefined && { after }) }
}
