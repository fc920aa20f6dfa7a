import { faultsPage } from './faults/page.ts'
import { selectionPage } from './market-selection/page.ts'
import { renderPage, type Section } from './report/page.ts'
import { residencyPage } from './residency/page.ts'

/** What is shown of a file of figures; each simulation's own, in the form that all have. */
const PAGES = {
  faults: faultsPage,
  residency: residencyPage,
  selection: selectionPage,
} as const satisfies Readonly<Record<string, (figures: never) => readonly Section[]>>

/** Simulations whose page is made here; the others write their own. */
export type PlainName = keyof typeof PAGES
export const PLAIN_NAMES = Object.keys(PAGES) as PlainName[]
export const isPlain = (name: string): name is PlainName => Object.hasOwn(PAGES, name)

/** @param figures JSON, as the simulation wrote it */
export function pageOf(name: PlainName, figures: string, header: string): string {
  return renderPage({
    title: `Simulation: ${name}`,
    header,
    sections: PAGES[name](JSON.parse(figures) as never),
  })
}
