import type { Page } from 'playwright-core'
import type { Site } from '../site.ts'

/** A part of the site, photographed on a world that has something to show there. */
export interface Area {
  /** Which paths are its, without the language; the first area that fits takes a page. */
  readonly covers: RegExp
  open(): Promise<Scenery>
}

export interface Scenery extends AsyncDisposable {
  readonly site: Site
  /** What a visitor does once, before any page: signing in. */
  enter?(page: Page): Promise<void>
  /** What is photographed of a path; the page as it opens when there is nothing to say about it. */
  scenes?(path: string): readonly Scene[]
}

export interface Scene {
  /** Comes after the page's own name; empty for the page as it opens. */
  readonly name: string
  /** With its question mark. */
  readonly query?: string
  /** What is done before it is photographed, in either language. */
  act?(page: Page): Promise<void>
  /** It shows what loading looks like, and will go on doing so. */
  readonly showsLoading?: true
}
