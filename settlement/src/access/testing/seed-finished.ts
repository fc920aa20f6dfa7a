import type { lookup } from 'node:dns'
import { signerOf } from '@hanse/protocol'
import { runPackages } from '../../audit-trail/run-packages.ts'
import type { SettlementContext } from '../../context.ts'
import { closeMonth } from '../../documents/close-month.ts'
import { readDocument } from '../../documents/document-schema.ts'
import { runExports } from '../../exports/run-exports.ts'
import { SettlementLog } from '../../log/settlement-log.ts'
import { ingest } from '../../receipts/ingest.ts'
import { makeDeal, newSigner } from '../../testing/deals.ts'
import { addProvider, CENT, credit, hold } from '../../testing/market.ts'
import type { SeededTenant } from './seed-tenant.ts'

const DAY_MS = 86_400_000

/**
 * What has come to an end for an organization that `seedTenant` made: a month with receipts and its statement, the evidence
 * package, and the export, which was made and whose target nobody can reach.
 *
 * @returns the same tenant, with the ids of these
 */
export async function seedFinished(
  context: SettlementContext,
  tenant: SeededTenant,
): Promise<SeededTenant> {
  const statement = await closePastMonth(context, tenant.organization)
  await makePackages(context)
  await failExports(context)
  return { ...tenant, ids: { ...tenant.ids, 'documents/number': statement } }
}

/** @returns the number of the statement of usage */
async function closePastMonth(context: SettlementContext, organization: string): Promise<string> {
  const today = new Date(context.now())
  const before = Date.UTC(today.getUTCFullYear(), today.getUTCMonth() - 1, 20)
  const then = { ...context, now: () => before }
  const consumer = newSigner()
  await then.store.bindConsumers(organization, [consumer.peerId], before)
  const provider = await addProvider(then)
  await credit(then, organization, 10_000n)
  const authorization = await hold(then, { organization, consumer }, provider, 50n * CENT)
  const { network } = context
  const deal = makeDeal({ network, consumer, provider, at: before, authorization })
  const [booked] = await ingest(then, [deal.submission(0, 50_000)])
  if (booked?.status !== 'booked') throw new Error(`not booked: ${JSON.stringify(booked)}`)
  await closeMonth(context, new Date(before).toISOString().slice(0, 7))
  const documents = await context.store.documents({ organization, limit: 100 })
  const statement = documents.find(
    ({ figures }) => readDocument(figures).kind === 'usage-statement',
  )
  if (statement === undefined) throw new Error('no statement of the month')
  return statement.number
}

async function makePackages(context: SettlementContext): Promise<void> {
  const { store, network, signer: identity, now } = context
  const key = signerOf(new Uint8Array(32).fill(5))
  const log = await SettlementLog.open({
    store,
    network,
    identity,
    key,
    defaultOrigin: 'log.test',
    now,
  })
  const { made } = await runPackages({ ...context, log })
  if (made === 0) throw new Error('no package was made')
}

/** A file is kept before it is sent: one that could not be sent is there. */
async function failExports(context: SettlementContext): Promise<void> {
  const later = { ...context, now: () => context.now() + 2 * DAY_MS }
  type Done = (error: null, addresses: readonly object[]) => void
  const nowhere = ((_host: string, _options: object, done: Done) =>
    done(null, [{ address: '10.0.0.1', family: 4 }])) as unknown as typeof lookup
  const { failed } = await runExports(later, {
    outpost: { privateNetworks: false, lookup: nowhere },
  })
  if (failed === 0) throw new Error('no export failed')
}
