import type { Earnings, EarningsTerms } from '../../settlement/provider-api.ts'
import { table } from '../output.ts'
import type { Paint } from '../pretty-line.ts'
import { clean } from '../terminal-text.ts'
import { amountText, centsText, dayText, minuteText, shareText } from './money-text.ts'

/** More are in the statements. */
const SHOWN_MAX = 10

/** What a provider has earned, for people, one line each. */
export function earningsLines(earnings: Earnings, terms: EarningsTerms, paint: Paint): string[] {
  return [
    ...totals(earnings, paint),
    ...heldLines(earnings, paint),
    ...payoutLines(earnings, paint),
    ...bankLines(earnings, paint),
    ...scheduleLines(terms, earnings.feeBps ?? terms.feeBps, paint),
  ]
}

function totals(earnings: Earnings, paint: Paint): string[] {
  const { payable, heldBack, inTransit, debt, payouts, onHold } = earnings
  // What was taken back is payable again.
  const paid = payouts
    .filter(({ state }) => state === 'paid')
    .reduce((sum, { cents, reversedCents }) => sum + cents - reversedCents, 0n)
  return [
    `payable     ${paint('green', amountText(payable))}`,
    `held back   ${amountText(heldBack)}`,
    `in transit  ${amountText(inTransit)}`,
    `paid out    ${centsText(paid)}${payouts.length === 0 ? '' : ` in the last ${payouts.length} payouts`}`,
    ...(debt === 0n
      ? []
      : [`owed by you ${paint('yellow', amountText(debt))}, taken from what becomes payable`]),
    ...(onHold ? [paint('yellow', 'payouts are stopped: ask the operator of settlement why')] : []),
  ]
}

function heldLines({ held }: Earnings, paint: Paint): string[] {
  if (held.length === 0) return []
  const rows = held
    .slice(0, SHOWN_MAX)
    .map(({ amount, shareBps, heldAt, freeAt }) => [
      dayText(freeAt),
      amountText(amount),
      shareText(shareBps),
      dayText(heldAt),
    ])
  return section('Held back', ['FREE ON', 'AMOUNT', 'SHARE', 'SINCE'], rows, held.length, paint)
}

function payoutLines({ payouts }: Earnings, paint: Paint): string[] {
  if (payouts.length === 0) return []
  const rows = payouts
    .slice(0, SHOWN_MAX)
    .map(({ createdAt, cents, reversedCents, state, failure }) => [
      minuteText(createdAt),
      centsText(cents),
      clean(state),
      reversedCents === 0n ? '' : `${centsText(reversedCents)} taken back`,
      clean(failure ?? ''),
    ])
  return section('Payouts', ['WHEN', 'AMOUNT', 'STATE', '', ''], rows, payouts.length, paint)
}

function bankLines({ bankPayouts }: Earnings, paint: Paint): string[] {
  if (bankPayouts.length === 0) return []
  const rows = bankPayouts
    .slice(0, SHOWN_MAX)
    .map(({ arrivesAt, cents, state, failure }) => [
      dayText(arrivesAt),
      centsText(cents),
      clean(state),
      clean(failure ?? ''),
    ])
  const title = 'Sent on to your bank'
  return section(title, ['ARRIVES', 'AMOUNT', 'STATE', ''], rows, bankPayouts.length, paint)
}

function scheduleLines(terms: EarningsTerms, feeBps: number, paint: Paint): string[] {
  const { payoutMinimumCents, nextPayoutRunAt, holdBack } = terms
  const next = nextPayoutRunAt === undefined ? '' : `, the next ${minuteText(nextPayoutRunAt)} UTC`
  const lines = holdBack.stages.map(
    ({ untilDays, untilCents, shareBps, days }) =>
      `  ${shareText(shareBps)} for ${days} days, in the first ${untilDays} days or until ${centsText(untilCents)} are earned`,
  )
  const free = holdBack.freeCents === 0n ? '' : `, the first ${centsText(holdBack.freeCents)} free`
  return [
    '',
    paint('bold', 'Rules'),
    `  the platform keeps ${shareText(feeBps)} of what consumers pay: prices with a floor count it in`,
    `  payouts once a day from ${centsText(payoutMinimumCents)}${next}`,
    ...(lines.length === 0
      ? ['  nothing is held back']
      : [
          `  held back${free}; the first line that applies counts:`,
          ...lines.map((one) => `  ${one}`),
        ]),
  ]
}

function section(
  title: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
  all: number,
  paint: Paint,
): string[] {
  const lines = table([head, ...rows]).split('\n')
  const more = all > rows.length ? [`  … ${all - rows.length} more; see --json`] : []
  return ['', paint('bold', title), ...lines.map((line) => `  ${line}`.trimEnd()), ...more]
}
