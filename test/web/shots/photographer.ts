// What runs in the page is given as text: this program is checked without the types of a browser.
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import type { Scene, Scenery } from './area.ts'

export const WIDTHS = [390, 768, 1440] as const
const SCHEMES = ['light', 'dark'] as const
/** German words are the longest, and a phone is where they have the least room. */
const GERMAN_WIDTH = 390
/** Pages that ask again and again are never idle: they are photographed when nothing of them is on its way. */
const IDLE_MS = 3_000
const SETTLED_MS = 15_000

/** Nothing is loading, the letters are those of the page, and what follows from its width has been drawn. */
const HAS_LETTERS = `document.fonts.status === 'loaded'`
const IS_LOADING = `document.querySelector('.animate-pulse') !== null`
const LOOK_AGAIN_MS = 50
const TWO_FRAMES = 'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))'

/** Takes pages of one area, each opened once for all its pictures. */
export class Photographer {
  /** What did not come as it should, each with its page. */
  readonly faults: string[] = []
  readonly #scenery: Scenery
  readonly #page: Page
  readonly #folder: string
  taken = 0

  constructor(scenery: Scenery, page: Page, folder: string) {
    this.#scenery = scenery
    this.#page = page
    this.#folder = folder
  }

  /** All scenes of a page, in English at every width and in both schemes, in German once. */
  async take(path: string, languages: ReadonlySet<string>): Promise<void> {
    for (const scene of this.#scenery.scenes?.(path) ?? [{ name: '' }]) {
      const name = [path === '/' ? 'home' : path.slice(1).replaceAll('/', '-'), scene.name]
      const file = name.filter(Boolean).join('-')
      if (languages.has('en')) await this.#tryTo(path, file, scene, WIDTHS, SCHEMES)
      const german = path === '/' ? '/de' : `/de${path}`
      if (languages.has('de'))
        await this.#tryTo(german, `de-${file}`, scene, [GERMAN_WIDTH], ['light'])
    }
  }

  async #tryTo(
    path: string,
    file: string,
    scene: Scene,
    widths: readonly number[],
    schemes: readonly ('light' | 'dark')[],
  ): Promise<void> {
    try {
      await this.#open(path, scene, widths.at(-1) ?? GERMAN_WIDTH)
      for (const width of widths) {
        await this.#page.setViewportSize({ width, height: 900 })
        for (const colorScheme of schemes) {
          await this.#page.emulateMedia({ colorScheme })
          await this.#page.evaluate(TWO_FRAMES)
          const to = join(this.#folder, `${file}-${width}-${colorScheme}.png`)
          await this.#page.screenshot({ path: to, fullPage: true })
          this.taken += 1
        }
      }
    } catch (error) {
      this.faults.push(
        `${path} (${file}): ${error instanceof Error ? error.message : String(error)}`,
      )
    }
  }

  async #open(path: string, scene: Scene, width: number): Promise<void> {
    await this.#page.setViewportSize({ width, height: 900 })
    await this.#page.goto(this.#scenery.site.web.url + path + (scene.query ?? ''))
    await this.#page.waitForLoadState('networkidle', { timeout: IDLE_MS }).catch(() => {})
    await scene.act?.(this.#page)
    await this.#until(HAS_LETTERS)
    if (scene.showsLoading !== true) await this.#until(`!(${IS_LOADING})`)
  }

  /** Not Playwright's own way, which evaluates text within the page: the pages' policy forbids that. */
  async #until(condition: string): Promise<void> {
    const end = Date.now() + SETTLED_MS
    while (!(await this.#page.evaluate(condition))) {
      if (Date.now() > end) throw new Error(`not after ${SETTLED_MS} ms: ${condition}`)
      await this.#page.waitForTimeout(LOOK_AGAIN_MS)
    }
  }
}
