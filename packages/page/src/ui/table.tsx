import { useVirtualizer, type Virtualizer } from '@tanstack/react-virtual'
import { type MouseEvent, type ReactNode, useEffect, useMemo, useRef, useState } from 'react'
import { type KeyAction, useKeys } from '../base/keys.ts'
import { navigate } from '../base/router.tsx'

export interface Column<Row> {
  readonly id: string
  readonly title: string
  /** A track of a CSS grid: `8rem`, `minmax(10rem, 2fr)`. */
  readonly width: string
  readonly cell: (row: Row) => ReactNode
  readonly align?: 'right'
}

export interface Selection {
  readonly has: (key: string) => boolean
  readonly toggle: (key: string, upTo: boolean) => void
}

export interface VirtualTableProps<Row> {
  readonly label: string
  readonly rows: readonly Row[]
  readonly columns: readonly Column<Row>[]
  readonly keyOf: (row: Row) => string
  /** Where a row leads. */
  readonly hrefOf?: (row: Row) => string
  /** Instead of going anywhere. */
  readonly onOpen?: (row: Row) => void
  readonly selection?: Selection
  readonly classOf?: (row: Row) => string | undefined
  /** The row that is looked at beside the table. */
  readonly current?: string | undefined
  /** Called when the end comes near; there is more. */
  readonly onEnd?: (() => void) | undefined
  /** How many there are in all, when not all of them are here yet. */
  readonly total?: number | undefined
  readonly rowHeight?: number
  /** Takes the keys j, k, Enter, x; one table of a page at most. */
  readonly keyboard?: boolean
}

const headHeight = 30

/**
 * Only what is seen is in the document, so 50,000 rows cost what 30 do. Rows never move under the
 * cursor: who has new ones shows their number, and puts them here when asked to.
 */
export function VirtualTable<Row>(props: VirtualTableProps<Row>) {
  const { label, rows, columns, keyOf, onEnd, total, rowHeight = 32, keyboard = true } = props
  const scroller = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    scrollPaddingStart: headHeight,
    getItemKey: (at) => keyOf(rows[at] as Row), // asked for rows that are there only
  })
  const items = virtual.getVirtualItems()
  const lastSeen = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (onEnd && lastSeen > rows.length - 60) onEnd()
  }, [onEnd, lastSeen, rows.length])
  const [cursor, setCursor] = useCursor(props, virtual, scroller)
  const template = useMemo(
    () => [...(props.selection ? ['2rem'] : []), ...columns.map(({ width }) => width)].join(' '),
    [columns, props.selection !== undefined],
  )
  return (
    <div
      ref={scroller}
      className="table"
      role="grid"
      aria-label={label}
      aria-rowcount={(total ?? rows.length) + 1}
      aria-multiselectable={props.selection ? true : undefined}
      data-keyboard={keyboard}
    >
      <Head columns={columns} template={template} selectable={props.selection !== undefined} />
      <div className="table-body" role="rowgroup" style={{ height: virtual.getTotalSize() }}>
        {items.map(({ index, start, size }) => {
          const row = rows[index]
          return row === undefined ? null : (
            <Line
              key={keyOf(row)}
              table={props}
              row={row}
              index={index}
              isCursor={index === cursor}
              onCursor={setCursor}
              style={{
                transform: `translateY(${start}px)`,
                height: size,
                gridTemplateColumns: template,
              }}
            />
          )
        })}
      </div>
    </div>
  )
}

function Head<Row>({
  columns,
  template,
  selectable,
}: {
  readonly columns: readonly Column<Row>[]
  readonly template: string
  readonly selectable: boolean
}) {
  return (
    <div role="rowgroup" className="table-head">
      <div role="row" aria-rowindex={1} style={{ gridTemplateColumns: template }}>
        {selectable && (
          <span role="columnheader">
            <span className="unseen">selected</span>
          </span>
        )}
        {columns.map(({ id, title, align }) => (
          <span key={id} role="columnheader" data-align={align}>
            {title}
          </span>
        ))}
      </div>
    </div>
  )
}

interface LineProps<Row> {
  readonly table: VirtualTableProps<Row>
  readonly row: Row
  readonly index: number
  readonly isCursor: boolean
  readonly onCursor: (index: number) => void
  readonly style: React.CSSProperties
}

function Line<Row>({ table, row, index, isCursor, onCursor, style }: LineProps<Row>) {
  const { columns, keyOf, selection, classOf, current } = table
  const key = keyOf(row)
  const isSelected = selection?.has(key) ?? false
  const follow = (event: MouseEvent): void => {
    if ((event.target as Element).closest('button, input, a, label')) return // a control of its own
    onCursor(index)
    open(table, row, event.metaKey || event.ctrlKey)
  }
  return (
    <div
      role="row"
      className={`row ${classOf?.(row) ?? ''}`}
      aria-rowindex={index + 2}
      aria-selected={selection ? isSelected : undefined}
      data-cursor={isCursor}
      data-current={current === key}
      data-index={index}
      tabIndex={isCursor ? 0 : -1}
      style={style}
      onClick={follow}
      onFocus={() => onCursor(index)}
    >
      {selection && (
        <span role="gridcell" className="cell-select">
          <label>
            <input
              type="checkbox"
              tabIndex={-1}
              checked={isSelected}
              aria-label={`select ${key}`}
              onClick={({ shiftKey }) => selection.toggle(key, shiftKey)}
              onChange={() => undefined}
            />
          </label>
        </span>
      )}
      {columns.map(({ id, cell, align }) => (
        <span key={id} role="gridcell" data-align={align}>
          {cell(row)}
        </span>
      ))}
    </div>
  )
}

function open<Row>({ hrefOf, onOpen }: VirtualTableProps<Row>, row: Row, aside = false): void {
  if (onOpen) onOpen(row)
  else if (hrefOf) {
    const to = hrefOf(row)
    if (aside) window.open(to, '_blank', 'noopener')
    else navigate(to)
  }
}

/** The row that the keyboard is at; it stays with its key when rows come before it. */
function useCursor<Row>(
  table: VirtualTableProps<Row>,
  virtual: Virtualizer<HTMLDivElement, Element>,
  scroller: React.RefObject<HTMLDivElement | null>,
): [number, (index: number) => void] {
  const [cursor, setCursor] = useState(0)
  const { rows, keyOf, selection, keyboard = true } = table
  const at = Math.min(cursor, Math.max(0, rows.length - 1))
  const go = (to: number): void => {
    const next = Math.max(0, Math.min(rows.length - 1, to))
    setCursor(next)
    virtual.scrollToIndex(next, { align: 'auto' })
    // The row may not be there before the next frame.
    requestAnimationFrame(() =>
      scroller.current?.querySelector<HTMLElement>(`[data-index="${next}"]`)?.focus(),
    )
  }
  const page = (): number =>
    Math.max(1, Math.floor((scroller.current?.clientHeight ?? 400) / 32) - 2)
  const row = rows[at]
  const actions: KeyAction[] = [
    { keys: 'j', what: 'next row', do: () => go(at + 1) },
    { keys: 'k', what: 'row before', do: () => go(at - 1) },
    { keys: 'ArrowDown', what: 'next row', do: () => go(at + 1) },
    { keys: 'ArrowUp', what: 'row before', do: () => go(at - 1) },
    { keys: 'PageDown', what: 'a page down', do: () => go(at + page()) },
    { keys: 'PageUp', what: 'a page up', do: () => go(at - page()) },
    { keys: 'Home', what: 'first row', do: () => go(0) },
    { keys: 'End', what: 'last row that is loaded', do: () => go(rows.length - 1) },
    { keys: 'Enter', what: 'open the row', do: () => row !== undefined && open(table, row) },
  ]
  if (selection) {
    const toggle = (): void => {
      if (row !== undefined) selection.toggle(keyOf(row), false)
    }
    actions.push({ keys: 'x', what: 'select the row', do: toggle })
  }
  useKeys(keyboard ? actions : [])
  return [at, setCursor]
}
