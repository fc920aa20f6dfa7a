import type { Finding } from './finding.ts'

/** Warnings that keep orders away; the others are about money, comfort or what may come. */
const KEEPS_WORK_AWAY = new Set([
  'demand.rejected',
  'demand.orders',
  'demand.slots',
  'evidence.level',
  'match.default',
  'market.live',
  'network.bootstrap',
  'offer.models',
  'prices.market',
  'reach.listen',
  'terms.country',
  'terms.min-authorization',
  'machine.gpu-use',
  'machine.heat',
  'clock.offset',
  'engine.answer',
])

/** More are no summary. */
const REASONS_MAX = 5

/**
 * The findings that explain why no work comes, likeliest first: what fails, then what makes work rarer. Takes them in
 * the order of the checks, in which a cause stands before its effects.
 */
export function whyNoWork(findings: readonly Finding[]): readonly Finding[] {
  const failing = findings.filter(({ state }) => state === 'fail')
  const rarer = findings.filter(({ state, id }) => state === 'warn' && KEEPS_WORK_AWAY.has(id))
  return [...failing, ...rarer].slice(0, REASONS_MAX)
}
