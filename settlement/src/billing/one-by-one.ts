import { PaymentsError } from '../stripe/index.ts'

/**
 * Works on each item, whatever becomes of the others. Without Stripe none has a better chance, so then it ends.
 *
 * @throws the first fault, once all were worked on
 */
export async function oneByOne<Item>(
  items: Iterable<Item>,
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  const faults: unknown[] = []
  for (const item of items) {
    try {
      await work(item)
    } catch (error) {
      if (error instanceof PaymentsError && error.retryable) throw error
      faults.push(error)
    }
  }
  if (faults.length > 0) throw faults[0]
}
