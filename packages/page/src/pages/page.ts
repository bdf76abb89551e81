import type { ComponentType, LazyExoticComponent } from 'react'
import type { IconName } from '../ui/icon.tsx'

/** What every page is given: the parameters of its path. */
export interface PageProps {
  readonly params: Readonly<Record<string, string>>
}

export interface Page {
  /** `/dispatches/:id`. */
  readonly path: string
  readonly title: string
  /** In the navigation; a page of one thing is reached from its list. */
  readonly icon?: IconName
  /** `g d` goes there. */
  readonly keys?: string
  readonly component: LazyExoticComponent<ComponentType<PageProps>>
  /** Loads it before it is needed. */
  readonly preload: () => Promise<unknown>
}
