import { formatEuro } from '@hanse/protocol'
import { durationOf } from '../commands/models-progress.ts'
import type { Tally } from './tally.ts'

/** A terminal is written to ten times a second, a file now and then. */
const TERMINAL_EVERY_MS = 100
const LINES_EVERY_MS = 15_000

/** Shows on standard error how a batch goes: one line that changes in a terminal, a line now and then elsewhere. */
export class BatchProgress {
  readonly #tally: Tally
  readonly #now: () => number
  readonly #began: number
  /** Answered before this run: they say nothing about its speed. */
  readonly #before: number
  #shownAt: number

  constructor(tally: Tally, now: () => number) {
    this.#tally = tally
    this.#now = now
    this.#began = now()
    this.#before = tally.done
    this.#shownAt = process.stderr.isTTY ? Number.NEGATIVE_INFINITY : this.#began
  }

  update(): void {
    const { stderr } = process
    const at = this.#now()
    if (at - this.#shownAt < (stderr.isTTY ? TERMINAL_EVERY_MS : LINES_EVERY_MS)) return
    this.#shownAt = at
    const line = progressLine(this.#tally, { before: this.#before, elapsedMs: at - this.#began })
    // A line that wraps could not be taken back.
    if (stderr.isTTY) stderr.write(`\r\u001b[2K${line.slice(0, Math.max(20, stderr.columns - 1))}`)
    else stderr.write(`${line}\n`)
  }

  /** A line that stays. */
  note(line: string): void {
    this.end()
    process.stderr.write(`${line}\n`)
  }

  end(): void {
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[2K')
  }
}

export function progressLine(
  { total, done, failed, outputTokens, cost }: Tally,
  { before, elapsedMs }: { readonly before: number; readonly elapsedMs: number },
): string {
  const over = done + failed
  const now = over - before
  const share = total === 0 ? 100 : Math.floor((over / total) * 100)
  const parts = [`${String(share).padStart(3)}%  ${over} of ${total}`]
  if (failed > 0) parts.push(`${failed} failed`)
  parts.push(`${outputTokens} tokens`, formatEuro(cost))
  if (now > 0 && over < total) parts.push(`${durationOf((elapsedMs / now) * (total - over))} left`)
  return parts.join(' · ')
}
