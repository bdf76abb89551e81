/** Does `pattern` cover `type`? NATS rules: `*` is one token, `>` is one or more at the end. */
export function typeMatches(pattern: string, type: string): boolean {
  if (pattern === type || pattern === '>') return true
  if (!pattern.includes('*') && !pattern.includes('>')) return false
  const wanted = pattern.split('.')
  const tokens = type.split('.')
  for (const [at, want] of wanted.entries()) {
    if (want === '>') return tokens.length > at
    if (at >= tokens.length || (want !== '*' && want !== tokens[at])) return false
  }
  return wanted.length === tokens.length
}
