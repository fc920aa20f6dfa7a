import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { openSessions, untoldOf } from './books.ts'
import type { LoadNetwork } from './network.ts'

const HANSE = fileURLToPath(new URL('../../../node/bin/hanse.mjs', import.meta.url))

/** What settlement says of itself, and what an outsider finds of its log. */
export interface SettlementChecks {
  readonly isLedgerBalanced: boolean
  readonly logDifferences: readonly unknown[]
  /** `hanse log verify` of the public log, with nothing but its address and key. */
  readonly isLogVerified: boolean
}

/** Sessions end within seconds, Statements follow each other by a second, a refused connection is tried again after a minute. */
const TOLD_MS = 150_000
const LOG_MS = 60_000
const LOOK_MS = 500
/** Seen twice in a row: a session may end between two looks. */
const SETTLED_LOOKS = 2

/** Until nodes have told settlement of everything. What is left after some time is a difference of the books. */
export async function untilTold(network: LoadNetwork, owners: readonly string[]): Promise<void> {
  const { folder } = network
  let looks = 0
  for (const until = Date.now() + TOLD_MS; looks < SETTLED_LOOKS && Date.now() < until; ) {
    const isTold = owners.every(
      (owner) =>
        untoldOf(folder, owner).every(({ refused }) => refused !== undefined) &&
        openSessions(folder, owner) === 0,
    )
    looks = isTold ? looks + 1 : 0
    await sleep(LOOK_MS)
  }
}

export async function checkSettlement({ market }: LoadNetwork): Promise<SettlementChecks> {
  const { operator, settlementUrl } = market
  let log = await operator.checkLog()
  // Events enter the tree once a second.
  for (const until = Date.now() + LOG_MS; log.waiting && Date.now() < until; ) {
    await sleep(LOOK_MS)
    log = await operator.checkLog()
  }
  const { balanced } = await operator.checkLedger()
  return {
    isLedgerBalanced: balanced,
    logDifferences: log.waiting ? [...log.differences, 'events wait for ever'] : log.differences,
    isLogVerified: await isVerified(settlementUrl),
  }
}

async function isVerified(settlementUrl: string): Promise<boolean> {
  const response = await fetch(`${settlementUrl}/v1/log/key`)
  const { vkey } = (await response.json()) as { vkey: string }
  const args = ['log', 'verify', '--url', `${settlementUrl}/log`, '--vkey', vkey, '--no-state']
  try {
    await promisify(execFile)(process.execPath, [HANSE, ...args], { timeout: LOG_MS })
    return true
  } catch {
    return false
  }
}
