import type { ErrorCode, ForkEvidence } from '@hanse/protocol'

/** One thing that was looked at. `unproved` is neither right nor wrong, such as entries that are kept elsewhere. */
export interface LogCheck {
  readonly id: string
  readonly status: 'ok' | 'unproved' | 'failed'
  readonly detail: string
  readonly code?: ErrorCode
}

export interface LogReport {
  /** No check failed. */
  readonly verified: boolean
  readonly checks: readonly LogCheck[]
  /** Of the checkpoint, where its signature holds. */
  readonly origin?: string
  readonly size?: bigint
  /** Base64, as in the checkpoint. */
  readonly root?: string
  /** Pairs of checkpoints that the log signed and that cannot both be true. */
  readonly forks: readonly ForkEvidence[]
}

/** Collects checks while a log is looked at. */
export class ReportDraft {
  readonly #checks: LogCheck[] = []
  readonly #forks: ForkEvidence[] = []

  get isSound(): boolean {
    return this.#checks.every(({ status }) => status !== 'failed')
  }

  ok(id: string, detail: string): void {
    this.#checks.push({ id, status: 'ok', detail })
  }

  unproved(id: string, detail: string): void {
    this.#checks.push({ id, status: 'unproved', detail })
  }

  fail(id: string, code: ErrorCode, detail: string): void {
    this.#checks.push({ id, status: 'failed', detail, code })
  }

  fork(id: string, detail: string, evidence: ForkEvidence): void {
    this.fail(id, 'HANSE_LOG_FORK', `FORK: ${detail}`)
    this.#forks.push(evidence)
  }

  report(head: Pick<LogReport, 'origin' | 'size' | 'root'> = {}): LogReport {
    return { verified: this.isSound, ...head, checks: this.#checks, forks: this.#forks }
  }
}
