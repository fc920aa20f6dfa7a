import { ERRORS, formatEuro, formatPrice, isErrorCode } from '@hanse/protocol'
import type { ProviderStatus, SettlementStatus } from '../provider/status.ts'
import type { Paint } from './pretty-line.ts'
import { clean, pad, widthOf } from './terminal-text.ts'

/** Codes with their advice; a daemon that turned away orders for more reasons than this is asked for `--json`. */
const CODES_MAX = 8
const SESSIONS_SHOWN = 10

/** A provider's status for people, one line each. */
export function statusLines(status: ProviderStatus, paint: Paint): string[] {
  return [
    ...headLines(status, paint),
    ...section('Models', modelRows(status), paint),
    ...section('GPUs', gpuRows(status), paint),
    ...section('Sessions', sessionRows(status), paint),
    ...totalsLines(status, paint),
    ...settlementLines(status, paint),
  ]
}

function headLines(status: ProviderStatus, paint: Paint): string[] {
  const { state, peerId, version, network, country, connections } = status
  const row = (name: string, value: string) => `${pad(name, 14)}${value}`
  const colour = state === 'serving' ? 'green' : 'yellow'
  const why = status.pausedBy.map(clean).join('; ')
  const waiting = state === 'paused' && why !== '' ? `: ${why}` : ''
  return [
    row('State', `${paint(colour, state)}${waiting}, up ${spanOf(status.now - status.startedAt)}`),
    row('Peer', clean(peerId)),
    row('Network', `${clean(network)}, ${connections} connections, ${reachText(status, paint)}`),
    row('Market', marketText(status, paint)),
    row('Evidence', evidenceText(status, paint)),
    ...status.engines.map(({ name, ready, message }) =>
      row(
        'Engine',
        `${clean(name)} ${ready ? paint('green', 'ready') : paint('red', 'not ready')}${message === '' ? '' : `: ${clean(message)}`}`,
      ),
    ),
    row('Where', `${clean(country)}, hanse ${clean(version)}`),
  ]
}

function reachText({ reachability, addresses }: ProviderStatus, paint: Paint): string {
  switch (reachability) {
    case 'direct':
      return paint('green', 'reached directly')
    case 'relayed':
      return `${paint('green', 'reached through a relay')} (forwarding a port makes it faster)`
    case 'unreachable':
      return `${paint('red', 'strangers cannot reach it')}: forward a port to it, or give --bootstrap a relay`
    case 'unknown':
      return addresses.length === 0
        ? paint('yellow', 'it listens nowhere')
        : 'not known yet whether strangers reach it'
  }
}

function marketText({ live, state, now, connections }: ProviderStatus, paint: Paint): string {
  if (live !== undefined)
    return `${state === 'serving' ? paint('green', 'live') : paint('yellow', 'withdrawn')}, told ${live.peersTold} peers ${spanOf(now - live.at)} ago`
  if (state === 'paused') return paint('yellow', 'not live: paused')
  return paint(
    'yellow',
    connections === 0
      ? 'not live: no peer is connected; check --bootstrap'
      : 'not live yet: the offer is being announced',
  )
}

function evidenceText({ evidenceLevel, evidenceUntil, now }: ProviderStatus, paint: Paint): string {
  if (evidenceLevel === 0 || evidenceUntil === 0)
    return paint('yellow', 'none: consumers that ask for a place look elsewhere')
  if (evidenceUntil <= now) return paint('yellow', `level ${evidenceLevel}, run out`)
  return `level ${evidenceLevel}, for another ${spanOf(evidenceUntil - now)}`
}

function modelRows({ models }: ProviderStatus): string[][] {
  if (models.length === 0) return []
  return [
    ['MODEL', 'STATE', 'BUSY', 'QUEUE', 'TOK/S', 'IN', 'OUT'],
    ...models.map((model) => [
      clean(model.id),
      model.state,
      `${model.busy}/${model.slots}`,
      String(model.queued),
      model.tokensPerSecond === null ? '-' : model.tokensPerSecond.toFixed(1),
      formatPrice(model.inputPrice),
      formatPrice(model.outputPrice),
    ]),
  ]
}

function gpuRows({ machine, gpus }: ProviderStatus): string[][] {
  if (machine.gpus.length === 0) return []
  return [
    ['GPU', 'NAME', 'LOAD', 'MEMORY', 'TEMP', 'POWER'],
    ...machine.gpus.map(({ id, name, vramBytes }) => {
      const reading = gpus.find((each) => each.id === id)
      return [
        clean(id),
        clean(name),
        percent(reading?.utilization),
        `${gib(reading?.vramUsedBytes)}/${gib(vramBytes)} GiB`,
        unit(reading?.temperatureCelsius, '°C'),
        unit(reading?.powerWatts, 'W'),
      ]
    }),
  ]
}

function sessionRows({ sessions, now }: ProviderStatus): string[][] {
  if (sessions.length === 0) return []
  return [
    ['SESSION', 'MODEL', 'PHASE', 'FOR', 'TOKENS', 'CONSUMER'],
    ...sessions
      .slice(0, SESSIONS_SHOWN)
      .map(({ session, model, phase, startedAt, outputTokens, consumer }) => [
        tail(session),
        clean(model),
        phase,
        spanOf(now - startedAt),
        String(outputTokens),
        tail(consumer),
      ]),
    ...(sessions.length > SESSIONS_SHOWN ? [[`… ${sessions.length - SESSIONS_SHOWN} more`]] : []),
  ]
}

function totalsLines({ totals, sessions, state, live }: ProviderStatus, paint: Paint): string[] {
  const idle = sessions.length === 0 && totals.sessions === 0 && state === 'serving'
  return [
    '',
    paint('bold', 'Since the start'),
    `  ${totals.sessions} sessions, ${totals.completed} whole answers, ${grouped(totals.inputTokens)} tokens in, ${grouped(totals.outputTokens)} out, ${totals.tokensPerSecond.toFixed(1)} tok/s now`,
    `  earned ${paint('green', formatEuro(totals.earned))} before the platform fee`,
    ...(idle && live !== undefined
      ? [`  ${paint('yellow', 'no order came yet')}: run \`hanse doctor\` to see why`]
      : []),
    ...codeLines('turned away', totals.rejected, paint),
    ...codeLines('broken off', totals.failed, paint),
  ]
}

function settlementLines({ settlement, now }: ProviderStatus, paint: Paint): string[] {
  if (settlement === undefined)
    return ['', `${paint('bold', 'Settlement')}  none: nobody pays; give --settlement-url`]
  const { url, reachable, payable, onboardingUrl, unsettled, refused, message } = settlement
  return [
    '',
    paint('bold', 'Settlement'),
    `  ${clean(url)} ${reachable ? paint('green', 'answers') : paint('red', 'does not answer')}, ${unsettled} receipts unsettled`,
    ...(payable === false ? [`  ${paint('yellow', 'not payable yet')}`] : []),
    ...(onboardingUrl === undefined ? [] : [`  finish onboarding at ${clean(onboardingUrl)}`]),
    ...(message === '' ? [] : [`  ${clean(message)}`]),
    ...codeLines('refused for good', refused, paint),
    ...revocationLines(settlement.revocations, now, paint),
  ]
}

function revocationLines(
  revocations: SettlementStatus['revocations'],
  now: number,
  paint: Paint,
): string[] {
  if (revocations === undefined) return []
  const { known, at, fault } = revocations
  const read = at === 0 ? 'never read' : `read ${spanOf(now - at)} ago`
  const line = `  revocations ${read}${known === 0 ? '' : `, ${known} authorizations take no orders`}`
  return fault === ''
    ? [line]
    : [line, `  ${paint('yellow', 'the last list holds')}: ${clean(fault)}`]
}

function codeLines(what: string, counts: Readonly<Record<string, number>>, paint: Paint): string[] {
  return Object.entries(counts)
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, CODES_MAX)
    .map(([code, count]) => {
      const advice = isErrorCode(code) ? `: ${ERRORS[code].advice}` : ''
      return `  ${paint('yellow', `${count} ${what}`)}, ${clean(code)}${paint('dim', advice)}`
    })
}

function section(title: string, rows: readonly (readonly string[])[], paint: Paint): string[] {
  if (rows.length === 0) return []
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.filter((row) => row.length > 1).map((row) => widthOf(row[column] ?? ''))),
  )
  const lines = rows.map((row) =>
    row.length === 1
      ? `  ${row[0] ?? ''}`
      : `  ${row.map((cell, column) => pad(cell, widths[column] ?? 0)).join('  ')}`.trimEnd(),
  )
  const [head, ...body] = lines
  return ['', paint('bold', title), paint('dim', head ?? ''), ...body]
}

/** Two units of a span of time, such as `3 h 20 min`. */
export function spanOf(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours} h ${minutes % 60} min`
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}

export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? '-' : `${Math.round(share * 100)} %`
}

export function gib(bytes: number | null | undefined): string {
  return bytes === null || bytes === undefined || bytes === 0 ? '-' : (bytes / 2 ** 30).toFixed(1)
}

export function unit(value: number | null | undefined, name: string): string {
  return value === null || value === undefined ? '-' : `${Math.round(value)} ${name}`
}

/** Ids begin alike; their ends tell them apart. */
export function tail(id: string): string {
  return clean(id.length <= 10 ? id : `…${id.slice(-8)}`)
}

function grouped(count: number): string {
  return count.toLocaleString('en-US').replaceAll(',', ' ')
}
