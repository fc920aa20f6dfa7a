import type { SettlementContext } from '../context.ts'

/**
 * Work that comes again and again, done by one process at a time, whichever is first. It may be cut off anywhere and done
 * twice, so it must be safe to repeat: what it does and what it remembers of it belong into one transaction.
 */
export interface Job {
  /** What it is called on the command line and in metrics: lower case with hyphens. */
  readonly name: string
  /** One sentence for whoever reads the list. */
  readonly purpose: string
  /** When: a cron expression in UTC, to the minute, or a period of a second or more. */
  readonly schedule: { readonly cron: string } | { readonly everyMs: number }
  /** A run that takes longer is taken for dead and begun again; 15 minutes when not given. */
  readonly timeoutMs?: number
  /** Only in EU mode (`context.euAudit`): elsewhere it is not scheduled and not in the list. */
  readonly audited?: true
  /** Not in EU mode, where the job `retention` does it, by periods that can be set and held. */
  readonly unaudited?: true
  /**
   * Does it. Time is `context.now()`, never the clock of the machine.
   *
   * @param signal aborts when the process stops or the run took too long
   * @returns what came of it, as JSON for the list of jobs; nothing personal
   */
  work(context: SettlementContext, signal: AbortSignal): Promise<unknown>
}
