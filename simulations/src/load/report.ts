import { formatEuro, picoEuro } from '@hanse/protocol'
import { renderPage, type Section } from '../report/page.ts'
import { plot } from '../report/plot.ts'
import type { MemoryRow } from './memory.ts'
import { TOKENS, TOKENS_PER_SECOND } from './plan.ts'
import { brokenBy, type Step } from './ramp.ts'
import type { LoadResult, Minute } from './run-load.ts'
import type { Percentiles } from './tally.ts'

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
const euro = (pico: string): string => formatEuro(picoEuro(BigInt(pico)))
const ms = (value: number | null | undefined): string => value?.toFixed(0) ?? '–'
const three = ({ p50, p95, p99 }: Percentiles): string[] => [p50, p95, p99].map(ms)

/** The report of a run of real processes: no two of a seed are alike. */
export function renderLoad(result: LoadResult, faults: readonly string[], header: string): string {
  return renderPage({
    title: `A network of real processes under load: seed ${result.plan.seed}`,
    header,
    sections: [
      summary(result, faults),
      books(result),
      ...(result.grown.networks.length + result.grown.loads.length > 0 ? [ramp(result)] : []),
      ...(result.minutes.length > 0 ? [byMinute(result), memory(result)] : []),
    ],
  })
}

function summary(result: LoadResult, faults: readonly string[]): Section {
  const { machine, total, churn, seconds, grown } = result
  return {
    title: faults.length === 0 ? 'All held' : `${faults.length} did not hold`,
    text: `Settlement, a relay, an engine, ${result.providers} providers and ${result.consumers} gateways, each a process of its own, on ${machine.cores} cores of ${machine.cpu}, ${Math.round(machine.memoryMb / 1000)} GB, ${machine.platform} ${machine.kernel}, Node ${machine.node}; load before the run ${machine.load.toFixed(1)}. A session streams ${TOKENS} tokens at ${TOKENS_PER_SECOND} a second; ${grown.atOnce} ran at once.${result.isCutShort ? ' It was stopped before its time.' : ''}`,
    table: [
      ['sessions served', 'a second', 'failed', 'killed', 'left', 'came back', 'soak, s', 'all, s'],
      [
        String(total.sessions),
        total.sessionsPerSecond.toFixed(1),
        percent(total.failedShare),
        ...[churn.kills, churn.leaves, churn.returns, seconds.soak, seconds.all].map(String),
      ],
    ],
    ...(faults.length === 0 ? {} : { pre: faults.join('\n') }),
  }
}

function books({ reconciliation, checks }: LoadResult): Section {
  const { consumers, providers, settled, ledger, cutByKills } = reconciliation
  const difference = (BigInt(consumers) - BigInt(ledger)).toString()
  return {
    title: 'Books',
    text: `${reconciliation.paidSessions} sessions were paid. Each was looked up in the consumer’s book, the provider’s, and settlement’s.${cutLine(cutByKills)}`,
    table: [
      ['', ''],
      ['consumers signed', euro(consumers)],
      ['providers hold', euro(providers)],
      ['cut by kills', euro(cutByKills.amount)],
      ['settlement booked', euro(settled)],
      ['ledger: usage and fees', euro(ledger)],
      ['consumers less ledger', euro(difference)],
      ['sessions that differ', String(reconciliation.differences.length)],
      ['ledger check', checks.isLedgerBalanced ? 'balances' : 'DIFFERS'],
      ['log check', checks.logDifferences.length === 0 ? 'sound' : 'DIFFERS'],
      ['hanse log verify', checks.isLogVerified ? 'verified' : 'FAILED'],
    ],
  }
}

function cutLine({ sessions, amount }: LoadResult['reconciliation']['cutByKills']): string {
  if (sessions === 0) return ''
  return ` ${sessions} were cut by a kill between the consumer’s signature and the provider’s disk: their providers are paid ${euro(amount)} that their own books do not know of.`
}

function ramp({ grown }: LoadResult): Section {
  const { networks, loads } = grown
  const row = (step: Step): string[] => [
    String(step.providers),
    String(step.consumers),
    String(step.atOnce),
    step.sessionsPerSecond.toFixed(1),
    ms(step.firstTokenP95Ms),
    percent(step.failedShare),
    percent(step.memoryFreeShare),
    brokenIn(step),
  ]
  return {
    title: 'How much this machine holds',
    text: 'First more providers and consumers, at two sessions a consumer; then more sessions at once. It goes on while a step held and brought a tenth more.',
    plots:
      loads.length < 2
        ? []
        : [
            plot({
              title: 'Sessions a second',
              across: 'sessions at once',
              up: 'sessions/s',
              isLogarithmic: true,
              curves: [
                { name: 'served', points: loads.map((s) => [s.atOnce, s.sessionsPerSecond]) },
              ],
            }),
          ],
    table: [
      [
        'providers',
        'consumers',
        'at once',
        'sessions/s',
        'first token p95, ms',
        'failed',
        'memory free',
        '',
      ],
      ...[...networks, ...loads].map(row),
    ],
  }
}

const BROKEN = {
  firstTokenP95Ms: 'first token too late',
  failedShareMost: 'too many failed',
  memoryFreeShareLeast: 'too little memory left',
} as const

function brokenIn(step: Step): string {
  const broken = brokenBy(step)
  return broken === undefined ? 'held' : BROKEN[broken]
}

function byMinute({ minutes }: LoadResult): Section {
  const line = (name: string, of: (minute: Minute) => number | null) => ({
    name,
    points: minutes.map((minute, i) => [i + 1, of(minute) ?? 0] as const),
  })
  const base = { across: 'minute' }
  return {
    title: 'Minute by minute',
    text: 'Latency as a client of a gateway sees it, failovers included. Failures by the code that the client was told.',
    plots: [
      plot({
        ...base,
        title: 'Sessions a second',
        up: 'sessions/s',
        curves: [line('served', (minute) => minute.sessionsPerSecond)],
      }),
      plot({
        ...base,
        title: 'Time to the first token',
        up: 'ms',
        curves: (['p50', 'p95', 'p99'] as const).map((p) => line(p, (m) => m.firstToken[p])),
      }),
    ],
    table: [
      [
        'minute',
        'sessions',
        'a second',
        'first token p50, ms',
        'p95',
        'p99',
        'whole p50, ms',
        'p95',
        'p99',
        'providers there',
        'failures',
      ],
      ...minutes.map((minute, i) => [
        String(i + 1),
        String(minute.sessions),
        minute.sessionsPerSecond.toFixed(1),
        ...three(minute.firstToken),
        ...three(minute.whole),
        String(minute.there),
        failures(minute.failures),
      ]),
    ],
  }
}

const failures = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([code, count]) => `${code} ${count}`)
    .join(', ') || 'none'

function memory({ minutes, memoryMost }: LoadResult): Section {
  const kinds = [...new Set(minutes.flatMap((m) => m.memory.map(({ kind }) => kind)))]
  const of = (minute: Minute, kind: string) => minute.memory.find((row) => row.kind === kind)
  return {
    title: 'Memory',
    text: 'MiB, median of the processes of a kind. A slope is over the last two thirds of each process’s life, without its first minute, all processes of a kind together, with its standard error; the live heap is what a collection leaves.',
    plots: [
      plot({
        title: 'Resident, median of a kind',
        across: 'minute',
        up: 'MiB',
        curves: kinds.map((name) => ({
          name,
          points: minutes.map((minute, i) => [i + 1, of(minute, name)?.rssMedian ?? 0] as const),
        })),
      }),
    ],
    table: [
      [
        'minute',
        'kind',
        'processes',
        'resident',
        'most of one',
        'live heap',
        'resident, a minute',
        'live heap, a minute',
      ],
      ...minutes.flatMap((minute, i) =>
        minute.memory.map((row) => [
          String(i + 1),
          row.kind,
          String(row.processes),
          row.rssMedian.toFixed(0),
          row.rssMost.toFixed(0),
          row.heapMedian?.toFixed(0) ?? '–',
          slope(row.rssSlope),
          slope(row.heapSlope),
        ]),
      ),
      ...kinds.map((kind) => [
        'ever',
        kind,
        '',
        '',
        memoryMost[kind]?.toFixed(0) ?? '–',
        '',
        '',
        '',
      ]),
    ],
  }
}

function slope(of: MemoryRow['heapSlope']): string {
  return of === null ? '–' : `${of.perMinute.toFixed(2)} ± ${of.standardError.toFixed(2)}`
}
