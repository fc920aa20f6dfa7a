import { expect, test } from 'vitest'
import { crashRun } from '../support/settlement/crash-run.ts'

/** Of each set-up. `HANSE_CRASH_KILLS=20` for a shorter run, `HANSE_CRASH_SEED` for another one. */
const KILLS = Number(process.env.HANSE_CRASH_KILLS ?? 200)
const SEED = Number(process.env.HANSE_CRASH_SEED ?? 1)
/** A process that is killed is back in seconds; more on a machine that has other things to do. */
const KILL_MS = 30_000
/** Databases made, books checked, and leases of payouts that have to end. */
const SET_UP_MS = 400_000

test.each([
  { store: 'postgres', processes: 1 },
  { store: 'postgres', processes: 2 },
  { store: 'pglite', processes: 1 },
] as const)(
  '$processes on $store, killed again and again under load: nothing acknowledged is lost, nothing is booked twice',
  async (options) => {
    const report = await crashRun({
      ...options,
      kills: KILLS,
      seed: SEED,
      args: ['--verify-threads', '1'],
    })
    console.log(JSON.stringify({ ...options, seed: SEED, ...report }))
    expect(report).toMatchObject({ kills: KILLS })
    expect(report.repeated).toBeGreaterThan(0)
  },
  SET_UP_MS + KILLS * KILL_MS,
)
