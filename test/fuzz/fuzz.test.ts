import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { runTarget } from './run-target.ts'

const planted = (target: string, input?: string) =>
  runTarget(
    {
      module: new URL('./testdata/planted.ts', import.meta.url).href,
      target,
      seed: 1,
      seconds: 3,
      input,
    },
    { hangMs: 1500 },
  )

test('a target without faults passes', async () => {
  const result = await planted('right', '42')
  expect(result).toMatchObject({ type: 'done', executions: 1 })
})

test.each([
  ['throws', '42', /TypeError: planted/u],
  ['hangs', undefined, /no end after 1500 ms/u],
  ['overflows', '44', /Maximum call stack/u],
  ['allocates', undefined, /allocated \d+ bytes for an input/u],
  ['leaks', undefined, /more in use than after the first batch/u],
])('a target that %s is found, and fails again', async (target, smallest, error) => {
  const found = await planted(target)
  if (found.type !== 'failed') throw new Error('not found')
  expect(found.error).toMatch(error)
  if (smallest !== undefined) expect(found.input).toBe(smallest)
  if (found.input === '') return
  expect(await planted(target, found.input)).toMatchObject({ type: 'failed', input: found.input })
})

test('the program says how to run a failure again, and exits with 1', async () => {
  const fuzz = fileURLToPath(new URL('./fuzz.ts', import.meta.url))
  const module = new URL('./testdata/planted.ts', import.meta.url).href
  const run = promisify(execFile)(process.execPath, [
    fuzz,
    '--module',
    module,
    '--target',
    'throws',
  ])
  const error: unknown = await run.catch((failure: unknown) => failure)
  expect(error).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('npm run fuzz -- --target throws --input 42\n'),
  })
})
