import { availableParallelism } from 'node:os'
import type { Worker } from 'node:worker_threads'
import type { SettlementContext } from '../context.ts'
import { bookReceipts, type SubmissionResult } from '../receipts/ingest.ts'
import { bookStatements, type StatementResult } from '../receipts/ingest-statements.ts'
import { OpenedRecords } from '../receipts/opened-records.ts'
import { groupBooker } from './booker.ts'
import { IngestCounts } from './ingest-counts.ts'
import type { BatchKind, ThreadSetup } from './messages.ts'
import { Room, type RoomLimits } from './room.ts'
import { ThreadPool } from './thread-pool.ts'
import { VERIFIERS, type VerifiedBatch } from './verify-batch.ts'

export interface IngestOptions {
  readonly context: SettlementContext
  /** Threads that verify; with 0 it is done in this one. */
  readonly verifyThreads?: number
  /** Of a PostgreSQL server: with it the threads book what they verified, each on connections of its own. */
  readonly databaseUrl?: string
  readonly limits?: RoomLimits
  readonly onCrash?: (error: unknown) => void
  readonly spawn?: (setup: ThreadSetup) => Worker
}

/** Takes the bodies of `POST /v1/receipts` and `POST /v1/statements`. */
export interface Ingest extends AsyncDisposable {
  /** Whoever brings a body takes a place in it first. */
  readonly room: Room
  readonly counts: IngestCounts
  /** One result for each item, in order; one bad item never fails its neighbours. @param body is given away */
  receipts(body: Uint8Array): Promise<SubmissionResult[]>
  statements(body: Uint8Array): Promise<StatementResult[]>
}

/** Five of the largest batches: with what they are verified to, some hundred megabytes. */
const LIMITS: RoomLimits = { bytesMax: 32 << 20, batchesMax: 256 }

/** As many threads as there are cores: what they leave idle while they wait for the database is enough for the API. */
export const defaultVerifyThreads = (): number => availableParallelism()

export function openIngest(options: IngestOptions): Ingest {
  const { context, verifyThreads = defaultVerifyThreads(), limits = LIMITS } = options
  const { log } = context
  const room = new Room(limits)
  const counts = new IngestCounts()
  const lane = verifyThreads === 0 ? inThisThread(context) : onThreads(options, verifyThreads)
  const counted = <Result extends { status: string }>(results: Result[]): Result[] => {
    counts.add(results)
    log?.added(results.filter(({ status }) => status === 'booked').length)
    return results
  }
  return {
    room,
    counts,
    receipts: async (body) => counted(await lane.receipts(body)),
    statements: async (body) => counted(await lane.statements(body)),
    [Symbol.asyncDispose]: () => lane[Symbol.asyncDispose](),
  }
}

type Lane = Omit<Ingest, 'room' | 'counts'>

function inThisThread(context: SettlementContext): Lane {
  const records = new OpenedRecords(context.network)
  return lane(context, (kind, body) =>
    VERIFIERS[kind](body, { ...verifyContext(context), records }),
  )
}

/** Where the threads hand claims back, they are booked from here: the embedded database has a thread of its own. */
function lane(
  context: SettlementContext,
  verify: <Kind extends BatchKind>(kind: Kind, body: Uint8Array) => Promise<VerifiedBatch[Kind]>,
): Lane {
  const { store, now } = context
  const booker = groupBooker(store, policyOf(context), now)
  return {
    receipts: async (body) => bookReceipts(await verify('receipts', body), booker.receipts),
    statements: async (body) => bookStatements(await verify('statements', body), booker.statements),
    [Symbol.asyncDispose]: async () => undefined,
  }
}

function onThreads(options: IngestOptions, threads: number): Lane {
  const { context, databaseUrl, onCrash, spawn } = options
  const { network, signer, terms, now } = context
  const pool = new ThreadPool({
    threads,
    setup: {
      network,
      settlement: signer.peerId,
      receiptGraceMs: terms.receiptGraceMs,
      databaseUrl: databaseUrl ?? null,
    },
    now,
    ...(onCrash !== undefined && { onCrash }),
    ...(spawn !== undefined && { spawn }),
  })
  const close = () => pool[Symbol.asyncDispose]()
  if (databaseUrl === undefined) {
    const run = async (kind: BatchKind, body: Uint8Array) => pool.run(kind, body)
    const handedBack = lane(context, run as Parameters<typeof lane>[1])
    return { ...handedBack, [Symbol.asyncDispose]: close }
  }
  return {
    receipts: (body) => pool.run('receipts', body) as Promise<SubmissionResult[]>,
    statements: (body) => pool.run('statements', body) as Promise<StatementResult[]>,
    [Symbol.asyncDispose]: close,
  }
}

const policyOf = ({ signer }: SettlementContext) => ({
  settlement: signer.peerId,
  trustedAttestors: [signer.peerId],
})

const verifyContext = (context: SettlementContext) => ({
  network: context.network,
  ...policyOf(context),
  receiptGraceMs: context.terms.receiptGraceMs,
  now: context.now(),
})
