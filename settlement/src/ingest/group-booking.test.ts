import fc from 'fast-check'
import { expect, test } from 'vitest'
import { GroupBooking } from './group-booking.ts'

/** Posts under way end when the test says so. */
function manualPost() {
  const posts: { items: readonly number[]; end: (fault?: Error) => void }[] = []
  const post = (items: readonly number[]) =>
    new Promise<string[]>((resolve, reject) => {
      const end = (fault?: Error) =>
        fault === undefined ? resolve(items.map(String)) : reject(fault)
      posts.push({ items, end })
    })
  const ended = async (fault?: Error) => {
    posts.at(-1)?.end(fault)
    await new Promise(setImmediate)
  }
  return { posts, post, ended }
}

const byCount = { weightMax: 5, weigh: () => 1 }

test('what comes while a posting is under way is posted together, each with its own results', async () => {
  const { posts, post, ended } = manualPost()
  const group = new GroupBooking<number, string>(post, byCount)
  const results = [group.book([1]), group.book([2, 3]), group.book([]), group.book([4])]
  await ended()
  await ended()
  expect(await Promise.all(results)).toEqual([['1'], ['2', '3'], [], ['4']])
  expect(posts.map(({ items }) => items)).toEqual([[1], [2, 3, 4]])
})

test('a fault fails whom it concerns: the others are posted by themselves', async () => {
  const posted: number[][] = []
  let open: () => void = () => undefined
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  const group = new GroupBooking<number, string>(async (items) => {
    await gate
    if (items.includes(13)) throw new Error('unlucky')
    posted.push([...items])
    return items.map(String)
  }, byCount)
  const results = [[1], [2], [13, 14], [3]].map((items) => group.book(items))
  open()
  const settled = await Promise.allSettled(results)
  expect(settled.map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'rejected',
    'fulfilled',
  ])
  expect(posted).toEqual([[1], [2], [3]])
})

test('in any mix, items are posted in their order, no posting is too large, and everybody gets theirs', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 6 }), { maxLength: 12 }),
      async (requests) => {
        const posts: (readonly number[])[] = []
        const group = new GroupBooking<number, string>(
          async (items) => {
            posts.push(items)
            await new Promise(setImmediate)
            return items.map((item) => `${item}`)
          },
          { weightMax: 10, weigh: (item) => item },
        )
        const results = await Promise.all(requests.map((items) => group.book(items)))
        expect(results).toEqual(requests.map((items) => items.map(String)))
        expect(posts.flat()).toEqual(requests.flat())
        for (const items of posts) {
          const weight = items.reduce((sum, item) => sum + item, 0)
          expect(items.length === 1 || weight <= 10).toBe(true)
        }
      },
    ),
    { numRuns: 200 },
  )
})
