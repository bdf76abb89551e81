/** 16 x 16, drawn with a pen of 1.5: one look for all of them. */
const shapes = {
  circle: 'M8 3a5 5 0 1 0 0 10A5 5 0 0 0 8 3z',
  question: 'M5.5 6a2.5 2.5 0 1 1 3.6 2.2c-.7.4-1.1.8-1.1 1.6M8 12.2v.1',
  gate: 'M3 3v10M13 3v10M3 5.5h4M9 5.5h4M3 10.5h4M9 10.5h4',
  play: 'M5 3.5v9l7-4.5z',
  retry: 'M12.5 8a4.5 4.5 0 1 1-1.400-3.300M12.5 2.5v2.700H9.800',
  clock: 'M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM8 5v3.200l2 1.300',
  check: 'M3.5 8.5l3 3 6-7',
  skip: 'M3 4.5l4.5 3.5L3 11.5zM8.5 4.5L13 8l-4.5 3.5z',
  cross: 'M4 4l8 8M12 4l-8 8',
  stop: 'M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM4.200 4.200l7.600 7.600',
  forward: 'M4 4l4 4-4 4M8.5 4l4 4-4 4',
  skull:
    'M8 2.5c-3 0-4.800 2-4.800 4.5 0 1.700.8 2.700 1.800 3.300v2.200h6v-2.200c1-.6 1.800-1.600 1.800-3.300C12.800 4.5 11 2.5 8 2.5zM6.200 7v.1M9.800 7v.1M7 12.400v-1.200M9 12.400v-1.200',
  warning: 'M8 2.800L14 13H2zM8 6.5v3M8 11.200v.1',
  bolt: 'M9 2L4 9h3.5L7 14l5-7H8.5z',
  flag: 'M4 14V3M4 3.5h8l-2 2.700 2 2.800H4',
  overview: 'M2.5 2.5h4.5v6H2.5zM9 2.5h4.5v3.5H9zM9 8h4.5v5.5H9zM2.5 10.5h4.5v3H2.5z',
  list: 'M2.5 4h11M2.5 8h11M2.5 12h11',
  event: 'M2.5 5.5L8 9l5.5-3.5M2.5 3.5h11v9h-11z',
  binding:
    'M6.5 9.5l3-3M7 4.5l1-1a3 3 0 0 1 4.300 4.300l-1 1M9 11.5l-1 1a3 3 0 0 1-4.300-4.300l1-1',
  flow: 'M2 4.5c3 0 3 2 6 2s3-2 6-2M2 9.5c3 0 3 2 6 2s3-2 6-2',
  circuit: 'M1.5 8h4M10.5 8h4M5.5 8l4.5-3.5M5.5 8v.1M10.5 8v.1',
  inbox: 'M2.5 9l2-5.5h7l2 5.5v3.5h-11zM2.5 9h3l1 1.5h3l1-1.5h3',
  operation:
    'M8 5.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5zM8 1.800v2M8 12.200v2M1.800 8h2M12.200 8h2M3.600 3.600L5 5M11 11l1.400 1.400M3.600 12.400L5 11M11 5l1.400-1.400',
  service: 'M2.5 2.5h11v4h-11zM2.5 9.5h11v4h-11zM5 4.5v.1M5 11.5v.1',
  search: 'M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.300 10.300L13.5 13.5',
  sun: 'M8 5.200a2.800 2.800 0 1 0 0 5.600 2.800 2.800 0 0 0 0-5.600zM8 1.5v1.300M8 13.200v1.300M1.5 8h1.300M13.200 8h1.300M3.400 3.400l.9.9M11.700 11.700l.9.9M3.400 12.600l.9-.9M11.700 4.300l.9-.9',
  moon: 'M12.800 9.800A5.300 5.300 0 0 1 6.200 3.200a5.300 5.300 0 1 0 6.600 6.600z',
  half: 'M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11',
  copy: 'M5.5 5.5h8v8h-8zM3 10.5H2.5v-8h8V3',
  link: 'M6.5 9.5l3-3M7 4.5l1-1a3 3 0 0 1 4.300 4.300l-1 1M9 11.5l-1 1a3 3 0 0 1-4.300-4.300l1-1',
  download: 'M8 2.5v7M5 6.800L8 9.800l3-3M3 13h10',
  pause: 'M5 3.5v9M11 3.5v9',
  down: 'M4 6.5l4 4 4-4',
  right: 'M6.5 4l4 4-4 4',
  left: 'M9.5 4l-4 4 4 4',
  close: 'M4 4l8 8M12 4l-8 8',
  plus: 'M8 3v10M3 8h10',
  minus: 'M3 8h10',
  keyboard: 'M1.5 4.5h13v7.5h-13zM4 7v.1M6.700 7v.1M9.300 7v.1M12 7v.1M5 9.700h6',
  undo: 'M3 6.5h6.5a3.5 3.5 0 0 1 0 7H6M3 6.5L6 3.5M3 6.5l3 3',
  user: 'M8 2.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5zM3 13.5c0-2.800 2.200-4.5 5-4.5s5 1.700 5 4.5',
} as const

export type IconName = keyof typeof shapes

export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg className="icon" viewBox="0 0 16 16" width={size} height={size} aria-hidden="true">
      <path d={shapes[name]} />
    </svg>
  )
}
