/** A graph as the api answers it, which may have kinds that nobody here draws yet. */
export interface DrawnGraph {
  readonly nodes: readonly DrawnNode[]
  readonly edges: readonly { readonly from: string; readonly to: string; readonly kind: string }[]
}
export interface DrawnNode {
  readonly id: string
  readonly kind: string
  readonly label: string
  readonly status: string
  readonly outcome?: string | undefined
}

/** Shapes tell the kinds apart where colours are not to be had. */
const mermaidShape: Readonly<Record<string, readonly [open: string, close: string]>> = {
  trigger: ['([', '])'],
  predicate: ['{', '}'],
  gate: ['[\\', '/]'],
  circuit: ['[\\', '\\]'],
  dispatch: ['[', ']'],
  retry: ['(', ')'],
  wait: ['[/', '/]'],
  dlq: ['[[', ']]'],
  skip: ['>', ']'],
  cancel: ['{{', '}}'],
}

export function toMermaid({ nodes, edges }: DrawnGraph): string {
  const names = namesOf(nodes)
  const node = (one: DrawnNode) => {
    const [open, close] = mermaidShape[one.kind] ?? ['[', ']']
    return `  ${names.get(one.id)}${open}"${mermaidText(captionOf(one))}"${close}`
  }
  const lines = edges.map(
    ({ from, to, kind }) => `  ${names.get(from)} -->|${kind}| ${names.get(to)}`,
  )
  return ['flowchart LR', ...nodes.map(node), ...lines, ''].join('\n')
}

const dotShape: Readonly<Record<string, string>> = {
  trigger: 'oval',
  predicate: 'diamond',
  gate: 'trapezium',
  circuit: 'hexagon',
  dispatch: 'box',
  retry: 'ellipse',
  wait: 'parallelogram',
  dlq: 'box3d',
  skip: 'cds',
  cancel: 'octagon',
}

export function toDot({ nodes, edges }: DrawnGraph): string {
  const node = (one: DrawnNode) =>
    `  ${quoted(one.id)} [shape=${dotShape[one.kind] ?? 'box'}, label=${quoted(captionOf(one))}]`
  const lines = edges.map(
    ({ from, to, kind }) => `  ${quoted(from)} -> ${quoted(to)} [label=${quoted(kind)}]`,
  )
  return ['digraph actions {', '  rankdir=LR', ...nodes.map(node), ...lines, '}', ''].join('\n')
}

const captionOf = ({ label, status, outcome }: DrawnNode): string =>
  outcome === undefined ? `${label}\n${status}` : `${label}\n${status}: ${outcome}`

/** Mermaid takes few characters in a name, and ids are long. */
const namesOf = (nodes: readonly DrawnNode[]): ReadonlyMap<string, string> =>
  new Map(nodes.map(({ id }, at) => [id, `n${at}`]))

const mermaidText = (text: string): string =>
  text
    .replace(/[&"<>#]/g, (char) => `#${char.charCodeAt(0)};`)
    .replace(/[\r\n]+/g, '<br/>')
    .replace(/\p{Cc}/gu, ' ')

const quoted = (text: string): string =>
  `"${text
    .replace(/[\\"]/g, String.raw`\$&`)
    .replace(/[\r\n]+/g, String.raw`\n`)
    .replace(/\p{Cc}/gu, ' ')}"`
