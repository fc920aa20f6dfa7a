import { PaymentsError } from '../stripe/index.ts'

/** One thing that Stripe cannot answer for is its own; after as many in a row Stripe itself is not there. */
const UNANSWERED_MAX = 3

/**
 * Works on each item, whatever becomes of the others. Without Stripe none has a better chance, so then it ends.
 *
 * @throws the first fault, once all were worked on
 */
export async function oneByOne<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  const faults: unknown[] = []
  let unanswered = 0
  for await (const item of items) {
    try {
      await work(item)
      unanswered = 0
    } catch (error) {
      faults.push(error)
      unanswered = error instanceof PaymentsError && error.retryable ? unanswered + 1 : 0
      if (unanswered === UNANSWERED_MAX) break
    }
  }
  if (faults.length > 0) throw faults[0]
}

const PAGE = 200

/** Every item of a list that is read in pages, each of what comes after the last id of the one before. */
export async function* allPages<Item>(
  read: (after: string, limit: number) => Promise<readonly Item[]>,
  idOf: (item: Item) => string,
): AsyncGenerator<Item, void> {
  for (let after = ''; ; ) {
    const page = await read(after, PAGE)
    yield* page
    const last = page.at(-1)
    if (page.length < PAGE || last === undefined) return
    after = idOf(last)
  }
}
