import { expect, test } from 'vitest'
import { crashRun } from '../support/settlement/crash-run.ts'

/** As many as take half a minute on a machine that does nothing else; `npm run test:long` has the rest. */
const KILLS = 4

test('two processes are killed under load: nothing acknowledged is lost, nothing is booked twice', async () => {
  const report = await crashRun({
    store: 'postgres',
    processes: 2,
    kills: KILLS,
    seed: 1,
    args: ['--verify-threads', '1'],
  })
  expect(report.kills).toBe(KILLS)
  expect(report.sessions).toBeGreaterThan(0)
}, 400_000)
