import type { Config, Secrets } from '../config/config.ts'
import { openStore, type SettlementStore } from '../db/store.ts'
import { closeByHand } from '../documents/close-due-months.ts'
import { verifyDocument } from '../documents/verify-document.ts'
import { checkLog } from '../log/check-log.ts'
import { testPlatform } from '../notifications/test-channel.ts'
import { ROOT } from '../operators/operator.ts'
import { runPayouts } from '../payouts/payout-run.ts'
import { reconcile } from '../reconciliation/reconcile.ts'
import { openSettlement, type Settlement } from '../settlement.ts'
import { type AskMethod, askService } from './ask-service.ts'
import { settlementOptions } from './serve.ts'

/** What an operator asks for: of the service where it runs, else done here. */
export interface Errand {
  readonly method: AskMethod
  readonly path: string
  /** What is sent along, as JSON. */
  readonly body?: object
  /** By itself, on a store that nobody else has open. */
  readonly onStore?: (store: SettlementStore, config: Config) => Promise<unknown>
  /** What needs all of the service. */
  readonly onService?: (settlement: Settlement) => Promise<unknown>
  /** What is made of the answer before it is printed. */
  readonly use?: (result: unknown) => Promise<unknown>
  /** Whether the answer is a bad one: the program then ends with 1. */
  readonly isBad?: (result: unknown) => boolean
}

export const PAYOUT_RUN: Errand = {
  method: 'POST',
  path: '/v1/admin/payout-runs',
  onService: ({ context }) => runPayouts(context),
}

export const LEDGER_CHECK: Errand = {
  method: 'GET',
  path: '/v1/admin/ledger/check',
  onStore: (store) => store.ledgerCheck(),
  isBad: (result) => (result as { balanced?: boolean }).balanced !== true,
}

export const LOG_CHECK: Errand = {
  method: 'GET',
  path: '/v1/admin/log/check',
  onStore: (store) => checkLog(store),
  isBad: (result) => (result as { sound?: boolean }).sound !== true,
}

export const reconciliation = (whole: boolean): Errand => ({
  method: 'POST',
  path: `/v1/admin/reconciliations?whole=${whole}`,
  onService: ({ context }) => reconcile(context, { whole }),
  isBad: (result) => (result as { open?: number }).open !== 0,
})

export const NOTIFICATIONS_TEST: Errand = {
  method: 'POST',
  path: '/v1/admin/channels/test',
  onService: ({ context }) => testPlatform(context),
  isBad: (result) => {
    const { results = [] } = result as { results?: { delivered: boolean }[] }
    return results.length === 0 || results.some(({ delivered }) => !delivered)
  },
}

export const JOBS_LIST: Errand = {
  method: 'GET',
  path: '/v1/admin/jobs',
  onService: async ({ jobs }) => ({ jobs: await jobs.list(), dead: await jobs.dead() }),
}

export const jobRun = (name: string): Errand => ({
  method: 'POST',
  path: `/v1/admin/jobs/${encodeURIComponent(name)}/runs`,
  onService: ({ jobs }) => jobs.run(name),
  isBad: (result) => (result as { state?: string }).state !== 'done',
})

export const documentCheck = (number: string): Errand => ({
  method: 'GET',
  path: `/v1/admin/documents/${encodeURIComponent(number)}/check`,
  onStore: (store) => verifyDocument(store, number),
  isBad: (result) => (result as { sound?: boolean }).sound !== true,
})

export const monthClosing = (month: string, reason?: string): Errand => ({
  method: 'POST',
  path: `/v1/admin/months/${encodeURIComponent(month)}/close`,
  ...(reason !== undefined && { body: { reason } }),
  onService: ({ context }) => closeByHand(context, month, { by: ROOT.id, reason }),
})

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
  print(errand.use === undefined ? result : await errand.use(result))
  if (errand.isBad?.(result) === true) process.exitCode = 1
}

export function print(result: unknown): void {
  process.stdout.write(`${JSON.stringify(result, digits, 2)}\n`)
}

async function alone(config: Config, secrets: Secrets, errand: Errand): Promise<unknown> {
  const { dataDir, databaseUrl, ...options } = settlementOptions(config, secrets)
  const shared = databaseUrl === undefined ? {} : { databaseUrl }
  if (errand.onService !== undefined) {
    await using settlement = await openSettlement({ ...options, ...shared, dataDir, port: 0 })
    return await errand.onService(settlement)
  }
  await using store = await openStore(databaseUrl === undefined ? { dataDir } : { databaseUrl })
  return await errand.onStore?.(store, config)
}

const digits = (_key: string, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)
