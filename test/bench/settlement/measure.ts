import { percentile, type Spread, spreadOf } from '../statistics.ts'
import { measureApi } from './api.ts'
import { drive } from './drive.ts'
import { measureImports } from './imports.ts'
import { receiptLoad, statementLoad } from './market.ts'
import type { Used } from './meter.ts'
import { measurePayouts } from './payouts.ts'
import { postmasterOf } from './postgres-cpu.ts'
import { rawChecks, rawInserts } from './raw.ts'
import type { Scale, Scenario, StoreName } from './scale.ts'
import { type Home, newHome } from './service.ts'
import { measureUsage } from './usage.ts'

export interface Figure {
  readonly id: string
  readonly title: string
  readonly unit: 'per s' | 'ms' | 'µs' | 's' | 'requests'
  readonly store: StoreName | 'none'
  readonly spread: Spread
}

/** Everything that is measured of one store, each round beside what it is held against. */
export async function measureStore(
  store: StoreName,
  scale: Scale,
  scenarios: ReadonlySet<Scenario>,
  progress: (line: string) => void,
): Promise<Figure[]> {
  const figures = new Figures(store)
  await using home = await newHome(store)
  for (let round = 1; round <= scale.rounds; round++) {
    progress(`${store}, round ${round} of ${scale.rounds}`)
    await measureRound(home, scale, scenarios, figures)
  }
  if (scenarios.has('payouts')) await measurePayouts(store, scale, figures)
  if (scenarios.has('usage')) await measureUsage(store, scale, figures)
  if (scenarios.has('imports')) await measureImports(store, scale, figures)
  if (scenarios.has('api')) await measureApi(store, scale, figures)
  return figures.all
}

async function measureRound(
  home: Home,
  scale: Scale,
  scenarios: ReadonlySet<Scenario>,
  figures: Figures,
): Promise<void> {
  const { statementsEach, sessionsInStatement, receiptBatchesEach, receiptsInBatch } = scale
  const loads = await prepare(home, scale, scenarios, figures)
  if (scenarios.has('raw')) {
    figures.add('raw-checks-1', await rawChecks(1, scale.checks))
    figures.add('raw-checks-2', await rawChecks(2, scale.checks))
  }
  await using service = await home.run()
  if (loads.warmUp !== undefined) {
    await drive(service, '/v1/statements', loads.warmUp.statements)
    await drive(service, '/v1/receipts', loads.warmUp.receipts)
    await service.catchUp()
  }
  if (loads.statements !== undefined) {
    const sessions = scale.clients * statementsEach * sessionsInStatement
    const { statements, postmaster } = loads
    const driven = await drive(service, '/v1/statements', statements, postmaster)
    figures.add('sessions', sessions / driven.seconds)
    figures.addCpu('session', driven, sessions)
    const start = performance.now()
    await service.catchUp()
    figures.add('roll-up', (sessions * 1000) / (performance.now() - start))
  }
  if (loads.receipts !== undefined) {
    const receipts = scale.clients * receiptBatchesEach * receiptsInBatch
    const driven = await drive(service, '/v1/receipts', loads.receipts, loads.postmaster)
    figures.add('receipts', receipts / driven.seconds)
    figures.addLatencies('receipts-loaded', driven.latencies)
    figures.addCpu('receipt', driven, receipts)
    await service.catchUp()
  }
  if (loads.batches !== undefined) {
    const alone = await drive(service, '/v1/receipts', loads.batches.receipts)
    figures.addLatencies('receipts-alone', alone.latencies)
    const stated = await drive(service, '/v1/statements', loads.batches.statements)
    figures.addLatencies('statements-loaded', stated.latencies)
  }
}

/** All signatures are made before anything is measured. */
async function prepare(
  home: Home,
  scale: Scale,
  scenarios: ReadonlySet<Scenario>,
  figures: Figures,
) {
  const { statementsEach, sessionsInStatement, receiptBatchesEach, receiptsInBatch, warmUps } =
    scale
  await using settlement = await home.open()
  if (scenarios.has('raw')) {
    figures.add('raw-inserts', await rawInserts(settlement.store, scale.rows))
  }
  const one = { ...scale, clients: 1 }
  const wants = (scenario: Scenario) => scenarios.has(scenario)
  const any = wants('statements') || wants('receipts') || wants('batches')
  return {
    postmaster: await postmasterOf(settlement.store),
    warmUp: any
      ? {
          statements: await statementLoad(settlement, scale, warmUps, sessionsInStatement),
          receipts: await receiptLoad(settlement, scale, 4 * warmUps, receiptsInBatch),
        }
      : undefined,
    statements: wants('statements')
      ? await statementLoad(settlement, scale, statementsEach, sessionsInStatement)
      : undefined,
    receipts: wants('receipts')
      ? await receiptLoad(settlement, scale, receiptBatchesEach, receiptsInBatch)
      : undefined,
    batches: wants('batches')
      ? {
          receipts: await receiptLoad(settlement, one, receiptBatchesEach, receiptsInBatch),
          statements: await statementLoad(settlement, scale, statementsEach, receiptsInBatch),
        }
      : undefined,
  }
}

const TITLES: Record<string, readonly [title: string, unit: Figure['unit']]> = {
  'raw-checks-1': ['signature checks, one thread', 'per s'],
  'raw-checks-2': ['signature checks, two threads', 'per s'],
  'raw-inserts': ['rows inserted, a thousand in one statement', 'per s'],
  sessions: ['sessions by Statements', 'per s'],
  'roll-up': ['sessions added to the sums of usage, after them', 'per s'],
  'cpu-per-session': ['CPU of the service for a session by a Statement', 'µs'],
  receipts: ['single receipts', 'per s'],
  'server-cpu-per-session': ['CPU of the database server for a session by a Statement', 'µs'],
  'server-cpu-per-receipt': ['CPU of the database server for a single receipt', 'µs'],
  'cpu-per-receipt': ['CPU of the service for a single receipt', 'µs'],
  'client-cpu-per-session': ['CPU of the senders for a session by a Statement', 'µs'],
  'client-cpu-per-receipt': ['CPU of the senders for a single receipt', 'µs'],
  'receipts-loaded': ['a batch of receipts, all clients at once', 'ms'],
  'receipts-alone': ['a batch of receipts, one client', 'ms'],
  'statements-loaded': ['a Statement of as many sessions, all clients at once', 'ms'],
  'payout-run': ['payout run: until every transfer is known, Stripe answering at once', 's'],
  api: ['200 mixed requests a second', 'ms'],
  'cpu-per-request': ['CPU of the service for one of 200 mixed requests a second', 'µs'],
  'server-cpu-per-request': ['CPU of the database server for one of them', 'µs'],
  'client-cpu-per-request': ['CPU of the senders for one of them', 'µs'],
  'api-failures': ['of 200 mixed requests a second, not answered well', 'requests'],
  'usage-day': ['usage of 90 days by day', 'ms'],
  'usage-hour': ['usage of 90 days by hour, a page', 'ms'],
  'usage-model': ['usage of 90 days by model', 'ms'],
  'usage-provider': ['usage of 90 days by provider', 'ms'],
  'usage-country': ['usage of 90 days by country', 'ms'],
  'usage-key': ['usage of 90 days by key', 'ms'],
  'usage-member': ['usage of 90 days by member', 'ms'],
  'usage-tag': ['usage of 90 days by tag', 'ms'],
  'usage-key-days': ['usage of 90 days of one key by day', 'ms'],
  'usage-key-models': ['usage of 90 days of one key by model', 'ms'],
  'imports-day': ['spend of 90 days with what was imported by day', 'ms'],
  'imports-hour': ['spend of 90 days with what was imported by hour, a page', 'ms'],
  'imports-model': ['spend of 90 days with what was imported by model', 'ms'],
  'imports-provider': ['spend of 90 days with what was imported by provider', 'ms'],
  'imports-source': ['spend of 90 days with what was imported by source', 'ms'],
  'imports-tag': ['spend of 90 days with what was imported by tag', 'ms'],
  'imports-showback': ['showback of a month with what was imported', 'ms'],
  'imports-raw': ['imported rows of 90 days by source, key, tags and model', 'ms'],
  'usage-raw': ['sessions of 90 days with a tag by provider', 'ms'],
  'usage-raw-key': ['sessions of 90 days of one key by country', 'ms'],
}

/** What the rounds of one store come to. */
export class Figures {
  readonly #rounds = new Map<string, number[]>()
  readonly #store: StoreName

  constructor(store: StoreName) {
    this.#store = store
  }

  add(id: string, value: number): void {
    this.#rounds.set(id, [...(this.#rounds.get(id) ?? []), value])
  }

  addCpu(what: string, { cpu, serverCpu, clientCpu }: Used, count: number): void {
    this.add(`client-cpu-per-${what}`, clientCpu / count)
    if (cpu !== undefined) this.add(`cpu-per-${what}`, cpu / count)
    if (serverCpu !== undefined) this.add(`server-cpu-per-${what}`, serverCpu / count)
  }

  addLatencies(id: string, latencies: readonly number[]): void {
    for (const share of [50, 95, 99])
      this.add(`${id}-p${share}`, percentile(latencies, share / 100))
  }

  get all(): Figure[] {
    return [...this.#rounds].map(([id, rounds]) => {
      const [, name = id, share] = /^(.*?)(?:-(p\d+))?$/u.exec(id) ?? []
      const [title = name, unit = 'ms'] = TITLES[name] ?? []
      return {
        id,
        title: share === undefined ? title : `${title}, ${share}`,
        unit,
        store: id.startsWith('raw-checks') ? 'none' : this.#store,
        spread: spreadOf(rounds),
      }
    })
  }
}
