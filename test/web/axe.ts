import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'

const source = readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe finds wrong with a page as it stands, a line each; nothing where all is well. */
export async function violations(page: Page): Promise<string[]> {
  // Not as a script of the page, whose policy would rightly refuse it.
  if (!(await page.evaluate<boolean>('globalThis.axe !== undefined')))
    await page.evaluate(await source)
  return await page.evaluate<string[]>(`
    axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
      violations.flatMap(({ id, nodes }) =>
        nodes.map(({ target, failureSummary }) => id + ' ' + target.join(' ') + ': ' + failureSummary),
      ),
    )
  `)
}
