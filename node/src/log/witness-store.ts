import { createHash } from 'node:crypto'
import {
  decideAddCheckpoint,
  type ForkEvidence,
  HanseError,
  parseAddCheckpoint,
  parseCheckpoint,
  parseVerifierKey,
  provesFork,
  type WitnessContext,
  type WitnessDecision,
} from '@hanse/protocol'
import { Database } from '../store/database.ts'
import { migrateWitness } from './schema.ts'

/** What a witness saw that should not be. */
export interface SeenFork extends ForkEvidence {
  readonly origin: string
  /**
   * `fork`: the log signed two roots for one size, which anybody can check. `unproved`: the log signed the second one, and
   * whoever sent it did not show that it continues the first; the sender may be to blame.
   */
  readonly kind: 'fork' | 'unproved'
  readonly seenAt: number
}

export interface Witnessed {
  readonly decision: WitnessDecision
  /** Seen for the first time. */
  readonly fork?: SeenFork
}

/** Evidence kept of one log and kind: enough to act on, and no way to fill the disk. */
const EVIDENCE_MAX = 100
/** Checkpoints of one log that a later fork can be recognized by; one a second for a day. */
const COSIGNED_MAX = 86_400

/** The state of a witness: the latest checkpoint of each log, and evidence against logs. */
export class WitnessStore implements Disposable {
  readonly #db: Database

  constructor(path: string) {
    this.#db = new Database(path, migrateWitness)
  }

  [Symbol.dispose](): void {
    this.#db[Symbol.dispose]()
  }

  /**
   * Decides on an add-checkpoint request and keeps what follows from it, in one durable step: of requests at once, also in
   * two processes, none puts an older checkpoint back.
   */
  add(context: WitnessContext, body: Uint8Array): Witnessed {
    const origin = originOf(body, context)
    // Whatever is not of a log that is witnessed needs no state.
    if (origin === undefined) return { decision: decideAddCheckpoint(context, undefined, body) }
    return this.#db.durably(() => {
      const latest = this.#latest(origin)
      const decision = decideAddCheckpoint(context, latest, body)
      if (decision.status === 200) {
        this.#keep(origin, decision.latest)
        return { decision }
      }
      const { checkpoint } = parseAddCheckpoint(body)
      const evidence = decision.evidence ?? this.#olderFork(origin, checkpoint, context.logKeys)
      const seenAt = Number(context.nowSeconds) * 1000
      if (evidence !== undefined) {
        return this.#keepFork(decision, { ...evidence, origin, kind: 'fork', seenAt })
      }
      if (decision.status !== 422 || latest === undefined) return { decision }
      const pair = { first: latest, second: checkpoint }
      return this.#keepFork(decision, { ...pair, origin, kind: 'unproved', seenAt })
    })
  }

  /** The latest cosigned checkpoint of the log whose origin has this SHA-256, in hex. */
  latestByHash(hash: string): string | undefined {
    const row = this.#db.prepare('select checkpoint from latest where hash = ?').get(hash)
    return row === undefined ? undefined : String(row.checkpoint)
  }

  /** The oldest first. */
  forks(): SeenFork[] {
    return this.#db
      .prepare('select origin, kind, first, second, seen_at from fork order by id')
      .all()
      .map((row) => ({
        origin: String(row.origin),
        kind: row.kind === 'fork' ? 'fork' : 'unproved',
        first: String(row.first),
        second: String(row.second),
        seenAt: Number(row.seen_at),
      }))
  }

  #latest(origin: string): string | undefined {
    const row = this.#db.prepare('select checkpoint from latest where origin = ?').get(origin)
    return row === undefined ? undefined : String(row.checkpoint)
  }

  #keep(origin: string, checkpoint: string): void {
    const hash = createHash('sha256').update(origin).digest('hex')
    this.#db
      .prepare(
        `insert into latest (origin, hash, checkpoint) values (?, ?, ?)
         on conflict (origin) do update set checkpoint = excluded.checkpoint`,
      )
      .run(origin, hash, checkpoint)
    const { size } = parseCheckpoint(checkpoint)
    this.#db
      .prepare(
        'insert into cosigned (origin, size, checkpoint) values (?, ?, ?) on conflict do nothing',
      )
      .run(origin, size.toString(), checkpoint)
    this.#db
      .prepare(
        `delete from cosigned where origin = ? and id <= (
           select id from cosigned where origin = ? order by id desc limit 1 offset ?)`,
      )
      .run(origin, origin, COSIGNED_MAX)
  }

  /** A log may sign a second tree of a size that it has long left behind. */
  #olderFork(
    origin: string,
    checkpoint: string,
    logKeys: readonly string[],
  ): ForkEvidence | undefined {
    const { size } = parseCheckpoint(checkpoint)
    const row = this.#db
      .prepare('select checkpoint from cosigned where origin = ? and size = ?')
      .get(origin, size.toString())
    if (row === undefined) return undefined
    const evidence = { first: String(row.checkpoint), second: checkpoint }
    const isFork = logKeys.some((a) => logKeys.some((b) => provesFork(evidence, a, b)))
    return isFork ? evidence : undefined
  }

  #keepFork(decision: WitnessDecision, fork: SeenFork): Witnessed {
    const { origin, kind, first, second, seenAt } = fork
    const count = this.#db
      .prepare('select count(*) as n from fork where origin = ? and kind = ?')
      .get(origin, kind)?.n
    if (Number(count) >= EVIDENCE_MAX) return { decision }
    const { changes } = this.#db
      .prepare(
        `insert into fork (origin, kind, first, second, seen_at) values (?, ?, ?, ?, ?)
         on conflict do nothing`,
      )
      .run(origin, kind, first, second, seenAt)
    return changes === 0 ? { decision } : { decision, fork }
  }
}

/** The origin of a request about a log that is witnessed. */
function originOf(body: Uint8Array, { logKeys }: WitnessContext): string | undefined {
  try {
    const { origin } = parseAddCheckpoint(body)
    return logKeys.some((vkey) => parseVerifierKey(vkey).name === origin) ? origin : undefined
  } catch (error) {
    if (error instanceof HanseError) return undefined
    throw error
  }
}
