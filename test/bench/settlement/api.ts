import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { Signer } from '@hanse/protocol'
import { type Settlement, writeSubmissions } from '@hanse/settlement'
import { addProvider, CENT, makeDeal, newSigner, seedUsage } from '@hanse/settlement/testing'
import { ask, authorization, type Tenant, topUp } from '../../support/settlement/customers.ts'
import { percentile } from '../statistics.ts'
import type { Figures } from './measure.ts'
import { meterOf } from './meter.ts'
import { postmasterOf } from './postgres-cpu.ts'
import { type Scale, SHARE, type StoreName } from './scale.ts'
import { newHome } from './service.ts'

const PER_SECOND = 200
const PERCENTILE = 0.95
const DAY_MS = 86_400_000
const DAYS = 90
/** So many organizations with a node each, at an address of its own: rates are limited by that. */
const PARTIES = 8

interface Request {
  readonly path: string
  readonly body?: Uint8Array | object
}

/** An organization with its node. */
interface Party {
  /** The last number of one that RFC 5737 keeps for documentation. */
  readonly address: number
  readonly tenant: Tenant
  readonly provider: Signer
  readonly receipts: Uint8Array[]
  /** The ninety days as `/v1/usage` takes them, and as `/v1/costs` does. */
  readonly range: string
  readonly days: string
}

/**
 * Requests that come at their time whether or not the last ones were answered, as those of many people do: how long one
 * took counts from when it was due.
 */
export async function measureApi(name: StoreName, scale: Scale, figures: Figures): Promise<void> {
  await using home = await newHome(name)
  const count = PER_SECOND * scale.apiSeconds
  const parties: Party[] = []
  let postmaster: number | undefined
  {
    await using settlement = await home.open()
    postmaster = await postmasterOf(settlement.store)
    const rows = scale.usageRows / 10 / SHARE[name] / PARTIES
    for (let i = 0; i < PARTIES; i++)
      parties.push(await prepare(settlement, i + 1, count / PARTIES, rows))
  }
  await using service = await home.run()
  await send(service.url, parties, Math.min(count, PER_SECOND * 5))
  const meter = meterOf(service, postmaster)
  const { latencies, failures } = await send(service.url, parties, count)
  figures.addCpu('request', meter(), count)
  const all = [...latencies.values()].flat()
  figures.addLatencies('api', all)
  for (const [route, some] of latencies)
    figures.add(`api ${route}-p95`, percentile(some, PERCENTILE))
  figures.add('api-failures', failures.length)
  for (const failure of new Set(failures)) process.stderr.write(`  ${failure}\n`)
}

async function prepare(
  settlement: Settlement,
  address: number,
  count: number,
  rows: number,
): Promise<Party> {
  const { context, url, operatorToken } = settlement
  const consumer = newSigner()
  const json = { name: 'Bench GmbH', consumers: [consumer.peerId], lawfulBasis: 'contract' }
  const made = await ask<Omit<Tenant, 'consumer'>>(url, 'POST', '/v1/admin/organizations', {
    key: operatorToken,
    json,
  })
  const tenant: Tenant = { ...made, consumer }
  await topUp(url, tenant, 900_000, `bench-${tenant.organization}`)
  const provider = await addProvider(context)
  const held = await authorization(url, tenant, provider, 100_000n * CENT, tenant.organization)
  const window = { kind: 'month' }
  for (const scope of [{}, { model: 'model_1' }]) {
    const budget = { name: 'bench', scope, amount: `${CENT * 1_000_000n}`, window }
    await ask(url, 'POST', '/v1/budgets', { key: tenant.apiKey, json: budget })
  }
  const to = Math.floor(Date.now() / DAY_MS) * DAY_MS
  const from = to - DAYS * DAY_MS
  await seedUsage(context.store, { rows, organization: tenant.organization, from, to })
  const parties = { network: context.network, consumer, provider, authorization: held }
  const receipts = Array.from({ length: count }, () =>
    writeSubmissions([
      makeDeal({ ...parties, at: Date.now() }).submission(1, 50, { final: 'completed' }),
    ]),
  )
  const span = (length: number): string => {
    const [first, last] = [from, to].map((at) => new Date(at).toISOString().slice(0, length))
    return `from=${first}&to=${last}`
  }
  return { address, tenant, provider, receipts, range: span(24), days: span(10) }
}

/** In the order in which they come round, no two of a kind in a row: of twenty requests, six write. */
const MIX: readonly ((party: Party) => Request)[] = [
  receipt,
  () => ({ path: '/v1/balance' }),
  ({ range }) => ({ path: `/v1/usage?${range}&group=day` }),
  receipt,
  ({ days }) => ({ path: `/v1/costs?${days}&group=provider` }),
  () => ({ path: '/v1/balance' }),
  ({ range }) => ({ path: `/v1/usage?${range}&group=model` }),
  receipt,
  () => ({ path: '/v1/budgets' }),
  ({ range }) => ({ path: `/v1/usage?${range}&group=day` }),
  hold,
  () => ({ path: '/v1/balance' }),
  receipt,
  () => ({ path: '/v1/authorizations?limit=50' }),
  ({ range }) => ({ path: `/v1/usage?${range}&group=provider` }),
  () => ({ path: '/v1/balance' }),
  receipt,
  ({ days }) => ({ path: `/v1/costs?${days}&group=model` }),
  () => ({ path: '/v1/keys' }),
  ({ range }) => ({ path: `/v1/usage?${range}&group=day` }),
]

function receipt({ receipts }: Party): Request {
  const body = receipts.pop()
  if (body === undefined) throw new RangeError('not enough receipts')
  return { path: '/v1/receipts', body }
}

function hold({ tenant, provider }: Party): Request {
  const { peerId } = tenant.consumer
  const body = { consumer: peerId, provider: provider.peerId, amount: `${CENT}` }
  return { path: '/v1/authorizations', body }
}

async function send(url: string, parties: readonly Party[], count: number) {
  const latencies = new Map<string, number[]>()
  const failures: string[] = []
  const start = performance.now()
  const all: Promise<void>[] = []
  for (let i = 0; i < count; i++) {
    const due = start + (i * 1000) / PER_SECOND
    const wait = due - performance.now()
    if (wait > 1) await setTimeout(wait)
    const party = parties[(i + Math.floor(i / MIX.length)) % PARTIES]
    const request = party && MIX[i % MIX.length]?.(party)
    if (party === undefined || request === undefined) throw new RangeError('nobody asks')
    all.push(
      answered(url, party, request).then((failure) => {
        const route = routeOf(request)
        latencies.set(route, [...(latencies.get(route) ?? []), performance.now() - due])
        if (failure !== undefined) failures.push(failure)
      }),
    )
  }
  await Promise.all(all)
  return { latencies, failures }
}

const routeOf = ({ path, body }: Request): string =>
  `${body === undefined ? 'GET' : 'POST'} ${path.split('?')[0]}`

/** @returns what went wrong */
async function answered(
  url: string,
  { tenant, address }: Party,
  { path, body }: Request,
): Promise<string | undefined> {
  const isRecords = body instanceof Uint8Array
  const response = await fetch(`${url}${path}`, {
    headers: {
      'x-forwarded-for': `203.0.113.${address}`,
      ...(!isRecords && { authorization: `Bearer ${tenant.apiKey}` }),
      ...(body !== undefined && {
        'content-type': isRecords ? 'application/cbor' : 'application/json',
        'idempotency-key': randomUUID(),
      }),
    },
    ...(body !== undefined && {
      method: 'POST',
      body: isRecords ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body),
    }),
  })
  const text = await response.text()
  const done = response.ok && (!isRecords || text.includes('"booked"'))
  return done ? undefined : `${path}: ${response.status} ${text.slice(0, 200)}`
}
