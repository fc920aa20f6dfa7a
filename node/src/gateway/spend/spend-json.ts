import { formatEuro } from '@hanse/protocol'
import type { SpendReport, SpendSum } from './spend-report.ts'

/** As programs read it: amounts in pico-euro and counters as digits, since JSON numbers would round them. */
export function jsonOfSpend({ by, from, to, groups, total, leftOut }: SpendReport): object {
  return {
    by,
    from: new Date(from).toISOString(),
    to: to === Infinity ? null : new Date(to).toISOString(),
    groups: groups.map(({ group, ...sum }) => ({ group, ...jsonOfSum(sum) })),
    total: jsonOfSum(total),
    leftOut,
  }
}

/** As spreadsheets read it (RFC 4180). */
export function csvOfSpend({ by, groups }: SpendReport): string {
  const head = [by, 'sessions', 'input_tokens', 'output_tokens', 'amount_eur', 'amount_pico_eur']
  const rows = groups.map(({ group, sessions, inputTokens, outputTokens, amount }) => [
    group,
    String(sessions),
    String(inputTokens),
    String(outputTokens),
    euro(amount),
    String(amount),
  ])
  return [head, ...rows].map((cells) => `${cells.map(cell).join(',')}\r\n`).join('')
}

function jsonOfSum({ sessions, inputTokens, outputTokens, amount }: SpendSum): object {
  return {
    sessions,
    inputTokens: String(inputTokens),
    outputTokens: String(outputTokens),
    amount: String(amount),
    euro: euro(amount),
  }
}

function euro(amount: SpendSum['amount']): string {
  return formatEuro(amount).replace(/ EUR$/u, '')
}

function cell(text: string): string {
  // A tag that begins so would be a formula.
  const plain = /^[=+\-@\t\r]/u.test(text) ? `'${text}` : text
  return /[",\r\n]/u.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain
}
