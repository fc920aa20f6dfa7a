import { table } from '../bench/report.ts'
import { percentile } from '../bench/statistics.ts'
import type { Ask } from './honest-load.ts'
import type { SoakResult } from './run-soak.ts'

export function printSoak(result: SoakResult): string {
  const { asks, skipped, strangers, disturbances, before, after, idle, idleAfterSeconds } = result
  return [
    ...table([
      ['MiB', 'first', 'last', 'most', 'slope a minute, last two thirds'],
      ...result.memory.map(({ daemon, measure, first, last, most, slope }) => [
        `${daemon}, ${measure}`,
        ...[first, last, most].map((value) => value.toFixed(1)),
        slope === undefined
          ? ''
          : `${slope.perMinute.toFixed(3)} ± ${slope.standardError.toFixed(3)} (${slope.samples})`,
      ]),
    ]),
    '',
    ...table([
      ['honest requests', 'asked', 'served', 'left', 'failed', 'first token p50', 'p95, ms'],
      ...minutesOf(asks).map(([minute, some]) => askRow(`minute ${minute + 1}`, some)),
      askRow(
        'undisturbed',
        asks.filter(({ disturbed }) => !disturbed),
      ),
      askRow(
        'disturbed',
        asks.filter(({ disturbed }) => disturbed),
      ),
    ]),
    `not asked, as too many ran: ${skipped}`,
    ...[false, true].map(
      (wanted) =>
        `${wanted ? 'disturbed' : 'undisturbed'}, by outcome: ${counts(asks.filter(({ disturbed }) => disturbed === wanted).map(({ outcome }) => outcome))}`,
    ),
    '',
    'strangers:',
    ...Object.entries(strangers).map(([name, each]) => `  ${name}: ${list(each)}`),
    `disturbances: ${list(disturbances)}`,
    '',
    ...Object.entries(result.counted).map(([name, each]) => `${name}: ${list(each)}`),
    `files before ${list(before.files)}; after ${list(after.files)}`,
    `connections before ${list(before.connections)}; after ${list(after.connections)}; sessions after ${after.sessions}`,
    `${idle ? 'idle' : 'NOT IDLE'} after ${idleAfterSeconds.toFixed(1)} s`,
  ].join('\n')
}

function minutesOf(asks: readonly Ask[]): [number, Ask[]][] {
  const byMinute = Map.groupBy(asks, ({ atSeconds }) => Math.floor(atSeconds / 60))
  return [...byMinute].toSorted(([a], [b]) => a - b)
}

function askRow(name: string, asks: readonly Ask[]): string[] {
  const of = (outcome: string) => asks.filter((ask) => ask.outcome === outcome).length
  const [served, left] = [of('served'), of('left')]
  const times = asks.flatMap(({ firstTokenMs }) => firstTokenMs ?? [])
  const ms = (share: number) => (times.length === 0 ? '' : percentile(times, share).toFixed(1))
  const numbers = [asks.length, served, left, asks.length - served - left]
  return [name, ...numbers.map(String), ms(0.5), ms(0.95)]
}

function counts(outcomes: readonly string[]): string {
  const groups = [...Map.groupBy(outcomes, (outcome) => outcome)]
  return list(Object.fromEntries(groups.map(([name, all]) => [name, all.length])))
}

function list(numbers: Readonly<Record<string, number>>): string {
  return Object.entries(numbers)
    .map(([name, number]) => `${name} ${number}`)
    .join(', ')
}
