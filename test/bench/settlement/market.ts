import { randomBytes } from 'node:crypto'
import {
  cidOf,
  type Named,
  picoEuro,
  type SignedRecord,
  type Signer,
  type Statement,
  type StatementLine,
} from '@hanse/protocol'
import { type Settlement, writeStatements, writeSubmissions } from '@hanse/settlement'
import {
  addProvider,
  addTenant,
  CENT,
  hold,
  makeDeal,
  makeStatement,
} from '@hanse/settlement/testing'
import type { Scale } from './scale.ts'

/** Bodies of requests, of each client in the order in which it sends them. */
export type Load = readonly (readonly Uint8Array[])[]

interface Parties {
  readonly network: string
  readonly consumer: Signer
  readonly provider: Signer
  readonly authorization: SignedRecord
}

/** One organization with one provider for each client: the pairs are what bookings wait for. */
async function newParties(settlement: Settlement): Promise<Parties> {
  const { context } = settlement
  const tenant = await addTenant(context, 1_000_000n)
  const provider = await addProvider(context)
  const authorization = await hold(context, tenant, provider, 900_000n * CENT, 86_400_000)
  return { network: context.network, consumer: tenant.consumer, provider, authorization }
}

async function ofClients(
  settlement: Settlement,
  { clients }: Scale,
  make: (parties: Parties) => Uint8Array[],
): Promise<Load> {
  const load: Uint8Array[][] = []
  for (let i = 0; i < clients; i++) load.push(make(await newParties(settlement)))
  return load
}

/** Each client has a lane of Statements. */
export function statementLoad(
  settlement: Settlement,
  scale: Scale,
  each: number,
  sessions: number,
): Promise<Load> {
  return ofClients(settlement, scale, (parties) => {
    let previous: Named<Statement> | undefined
    return Array.from({ length: each }, () => {
      const lines = Array.from({ length: sessions }, line)
      const made = makeStatement({ ...parties, ...(previous !== undefined && { previous }) }, lines)
      previous = made
      return writeStatements([made])
    })
  })
}

/** Sessions with one last receipt each, and everything that it rests on. */
export function receiptLoad(
  settlement: Settlement,
  scale: Scale,
  each: number,
  receipts: number,
): Promise<Load> {
  return ofClients(settlement, scale, (parties) =>
    Array.from({ length: each }, () =>
      writeSubmissions(
        Array.from({ length: receipts }, () =>
          makeDeal({ ...parties, at: Date.now() }).submission(1, 50, { final: 'completed' }),
        ),
      ),
    ),
  )
}

/** What a line says is the peers' to vouch for: the sessions themselves need not have been. */
function line(): StatementLine {
  return {
    order: cidOf(randomBytes(32)),
    receipt: cidOf(randomBytes(32)),
    model: 'hanse/test-model:q4',
    sequence: 3n,
    inputTokens: 100n,
    cachedInputTokens: 0n,
    outputTokens: 50n,
    amount: picoEuro(20_000_000n),
    acceptedAt: Date.now(),
    final: 'completed',
  }
}
