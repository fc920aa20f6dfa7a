import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { describe, test } from 'vitest'
import { DaemonField } from '../support/failover/daemons.ts'
import { dice, FAULTS, type Fault, KillingField } from '../support/failover/kills.ts'

const SEED = Number(process.env.HANSE_TEST_SEED ?? randomInt(2 ** 31))
/** Of both kinds together: one in five is a real process that is killed. */
const KILLS = Number(process.env.HANSE_FAILOVER_KILLS ?? 200)
const OF_DAEMONS = Math.round(KILLS / 5)
const PLAN = { tokens: 240, tokensPerSecond: 800 }
const TEST_MS = 1_200_000

/** Silence is found out by waiting, which takes a second or more: not every other time. */
const QUICK = FAULTS.filter((fault) => fault !== 'freeze' && fault !== 'hang-mid')
const HANG_EVERY = 10
const FREEZE_EVERY = 40

function faultOf(at: number, roll: (below: number) => number): Fault {
  if (at % FREEZE_EVERY === 0) return 'freeze'
  return at % HANG_EVERY === 0 ? 'hang-mid' : (QUICK[roll(QUICK.length)] ?? 'cut')
}

describe.concurrent(`HANSE_TEST_SEED=${SEED}: the client gets one complete answer, and each provider is paid for its part,`, () => {
  test(
    `when one of three providers fails at any token, ${KILLS - OF_DAEMONS} times`,
    async () => {
      const roll = dice(SEED)
      await using field = await KillingField.open(PLAN)
      const tally = new Map<string, number>()
      const count = (what: string, by = 1): void => {
        tally.set(what, (tally.get(what) ?? 0) + by)
      }
      for (let at = 1; at <= KILLS - OF_DAEMONS; at++) {
        const fault = faultOf(at, roll)
        const victim = roll(3)
        const kills = [{ fault, victim, afterTokens: roll(PLAN.tokens + 1) }]
        // Now and then the next one fails, too.
        if (roll(5) === 0)
          kills.push({ fault: 'cut', victim: (victim + 1) % 3, afterTokens: roll(PLAN.tokens / 2) })
        const name = `kill ${at}: ${JSON.stringify(kills)}`
        const { lacking, failovers, told } = await field.survive(kills).catch((cause: unknown) => {
          throw new Error(name, { cause })
        })
        count(fault)
        count('answers that went on elsewhere', Math.min(failovers, 1))
        count('last receipts that only the consumer has', lacking)
        count('last chunks that tell the cost by the receipts', told ? 1 : 0)
      }
      console.log(Object.fromEntries(tally))
      assert.ok((tally.get('last chunks that tell the cost by the receipts') ?? 0) > 0)
    },
    TEST_MS,
  )

  test(
    `when the process of one of three providers is killed at any token, ${OF_DAEMONS} times`,
    async () => {
      const roll = dice(SEED + 1)
      await using field = await DaemonField.open(PLAN)
      for (let at = 1; at <= OF_DAEMONS; at++) {
        const afterTokens = roll(PLAN.tokens - 1)
        await field.survive(afterTokens, roll).catch((cause: unknown) => {
          throw new Error(`kill ${at}: after ${afterTokens} tokens`, { cause })
        })
      }
      const lacking = await field.closeBooks()
      assert.ok(lacking <= OF_DAEMONS)
      console.log({
        'last receipts that only the consumer has': lacking,
        'last chunks that tell the cost by the receipts': field.told,
      })
    },
    TEST_MS,
  )
})
