import { readdir, readFile } from 'node:fs/promises'
import type { SettlementContext } from '../context.ts'
import { importCard } from './import-card.ts'
import { parseCard } from './parse-card.ts'

const RELEASE = 'release'
const FOLDER = new URL('../../data/rate-cards/', import.meta.url)

/** The cards that come with the program, as files. */
export async function shippedCards(): Promise<{ name: string; text: string }[]> {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith('.json')).sort()
  return Promise.all(
    names.map(async (name) => ({ name, text: await readFile(new URL(name, FOLDER), 'utf8') })),
  )
}

/** Publishes them for the platform, where it has nothing as new, and nothing of an operator’s. @returns how many were new */
export async function publishShippedCards(
  context: Pick<SettlementContext, 'store' | 'now'>,
): Promise<number> {
  let published = 0
  for (const { name, text } of await shippedCards()) {
    const { card } = parseCard(text, { source: name, today: '' })
    const newest = await context.store.newestRateCard(null, card.card)
    const isOurs = newest === undefined || newest.publishedBy === RELEASE
    if (!isOurs || (newest !== undefined && newest.retrieved >= card.retrieved)) continue
    const { outcome } = await importCard(context, {
      owner: null,
      text,
      source: card.source,
      actor: RELEASE,
      // Whoever wrote the release has looked at it.
      accept: true,
    })
    if (outcome === 'published') published++
  }
  return published
}
