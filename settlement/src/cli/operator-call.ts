import type { Config, Secrets } from '../config/config.ts'
import { openStore } from '../db/store.ts'
import { SettlementError } from '../errors.ts'
import { checkLog } from '../log/check-log.ts'
import { runPayouts } from '../payouts/payout-run.ts'
import { loadSecret } from '../secrets.ts'
import { openSettlement } from '../settlement.ts'
import { settlementOptions } from './serve.ts'

type Errand = 'payout-run' | 'ledger-check' | 'log-check'

const ROUTES: Record<Errand, { method: string; path: string }> = {
  'payout-run': { method: 'POST', path: '/v1/admin/payout-runs' },
  'ledger-check': { method: 'GET', path: '/v1/admin/ledger/check' },
  'log-check': { method: 'GET', path: '/v1/admin/log/check' },
}
/** A payout run may take the better part of a minute. */
const ANSWER_MS = 120_000

/**
 * Does an operator's errand and prints the result as JSON. The embedded database has one owner, so where the service
 * runs it is asked; where it does not, the store is opened here.
 */
export async function callOperator(
  config: Config,
  secrets: Secrets,
  errand: Errand,
): Promise<void> {
  const result =
    (await askService(config, secrets, errand)) ?? (await alone(config, secrets, errand))
  process.stdout.write(`${JSON.stringify(result, digits, 2)}\n`)
  if (isBad(errand, result)) process.exitCode = 1
}

async function askService(config: Config, secrets: Secrets, errand: Errand): Promise<unknown> {
  if (config.port === 0) return undefined
  const { method, path } = ROUTES[errand]
  const token = secrets.operatorToken ?? loadSecret(config.dataDir, 'operator.token')
  const url = `http://${config.host}:${config.port}${path}`
  let response: Response
  try {
    response = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(ANSWER_MS),
    })
  } catch (error) {
    // Nobody listens there: the errand is ours.
    if (error instanceof TypeError) return undefined
    throw error
  }
  if (!response.ok) {
    throw new SettlementError(
      'HANSE_INTERNAL',
      `${url}: ${response.status} ${await response.text()}`,
    )
  }
  return response.json()
}

async function alone(config: Config, secrets: Secrets, errand: Errand): Promise<unknown> {
  const { dataDir, databaseUrl, ...options } = settlementOptions(config, secrets)
  if (errand === 'payout-run') {
    const shared = databaseUrl === undefined ? {} : { databaseUrl }
    await using settlement = await openSettlement({ ...options, ...shared, dataDir, port: 0 })
    return await runPayouts(settlement.context)
  }
  await using store = await openStore(databaseUrl === undefined ? { dataDir } : { databaseUrl })
  return errand === 'log-check' ? await checkLog(store) : await store.ledgerCheck()
}

function isBad(errand: Errand, result: unknown): boolean {
  const { balanced, sound } = result as { balanced?: boolean; sound?: boolean }
  if (errand === 'ledger-check') return balanced !== true
  return errand === 'log-check' && sound !== true
}

const digits = (_key: string, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)
