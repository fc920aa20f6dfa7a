import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { showback, showbackCsv } from '../allocation/showback.ts'
import type { SettlementContext } from '../context.ts'
import { operatorOf } from '../documents/sides.ts'
import { SettlementError } from '../errors.ts'
import { jobFault } from '../jobs/job-fault.ts'
import { type Outpost, PostError, put } from '../notifications/post.ts'
import { retryDelayMs } from '../notifications/retry.ts'
import { focusCsv, focusJsonLines, focusRows } from './export-focus.ts'
import type { ClaimedRun, RunOutcome } from './run-store.ts'
import { addressFor, FILE_BYTES_MAX, fileNameOf, MEDIA_TYPES } from './schedule.ts'
import { usageCsv, usageJsonLines, usageRecords } from './usage-file.ts'

export interface RunExportsOptions {
  readonly outpost: Outpost
  readonly random?: () => number
  readonly signal?: AbortSignal
}

export interface ExportsRun {
  readonly planned: number
  done: number
  waiting: number
  failed: number
}

const DAY_MS = 86_400_000
/** Longer than any file takes to make and to send: who has not said what became of it by then has died. */
const LEASE_MS = 15 * 60_000
/** A file of the largest size over a line of five megabits a second. */
const PUT_MS = 60_000

const zip = promisify(gzip)
const unzip = promisify(gunzip)

/** Makes and delivers the files whose time has come. Any number of processes may do so on one database. */
export async function runExports(
  context: SettlementContext,
  { outpost, random = Math.random, signal }: RunExportsOptions,
): Promise<ExportsRun> {
  const { store, now } = context
  const sum: ExportsRun = {
    planned: await store.planExports(now()),
    done: 0,
    waiting: 0,
    failed: 0,
  }
  while (signal?.aborted !== true) {
    const run = await store.claimExport(now(), LEASE_MS)
    if (run === undefined) break
    const outcome = await outcomeOf(context, run, outpost, random)
    await store.endExport(run.id, run.attempt, outcome, now())
    sum[outcome.state]++
  }
  return sum
}

async function outcomeOf(
  context: SettlementContext,
  run: ClaimedRun,
  outpost: Outpost,
  random: () => number,
): Promise<RunOutcome> {
  try {
    const file = await fileOf(context, run)
    if (run.address !== null) await deliver(run, run.address, file, outpost)
    return { state: 'done' }
  } catch (error) {
    const failure = failureOf(error)
    const delay = isFinal(error) ? undefined : retryDelayMs(run.attempt, random())
    return delay === undefined
      ? { state: 'failed', failure }
      : { state: 'waiting', failure, dueAt: context.now() + delay }
  }
}

/** Made once: what is tried again is the same file. */
async function fileOf(
  context: SettlementContext,
  run: ClaimedRun,
): Promise<{ name: string; bytes: Uint8Array }> {
  if (run.file !== null) return { name: run.file.name, bytes: await unzip(run.file.gzipped) }
  const bytes = await gather(await textOf(context, run))
  const name = fileNameOf(run.content, run.format, run)
  const file = { name, gzipped: Uint8Array.from(await zip(bytes)) }
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const expiresAt = context.now() + run.keepDays * DAY_MS
  const facts = { bytes: bytes.length, sha256, expiresAt }
  if (await context.store.keepExportFile(run.id, run.attempt, file, facts)) return { name, bytes }
  throw new PostError('it took too long, and somebody else makes it now')
}

async function textOf(
  context: SettlementContext,
  { organization, content, format, from, to }: ClaimedRun,
): Promise<AsyncIterable<string> | Iterable<string>> {
  const { store } = context
  switch (content) {
    case 'usage': {
      const records = usageRecords(store, organization, { from, to })
      return format === 'csv' ? usageCsv(records) : usageJsonLines(records)
    }
    case 'focus': {
      if (from < ((await store.sessionsKeptFrom()) ?? 0)) {
        throw new SettlementError(
          'HANSE_REQUEST_INVALID',
          'single sessions are kept for ninety days, and some of this period are gone',
        )
      }
      const parties = {
        organization,
        organizationName: (await store.organizationName(organization)) ?? organization,
        operatorName: operatorOf(context).party.name,
      }
      const found = focusRows(context, parties, { from, to })
      return format === 'csv' ? focusCsv(found) : focusJsonLines(found)
    }
    case 'showback': {
      const report = await showback(store, organization, new Date(from).toISOString().slice(0, 7))
      return [format === 'csv' ? showbackCsv(report) : `${JSON.stringify(report)}\n`]
    }
  }
}

async function gather(text: AsyncIterable<string> | Iterable<string>): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const part of text) {
    const chunk = Buffer.from(part)
    size += chunk.length
    if (size > FILE_BYTES_MAX) {
      throw new SettlementError(
        'HANSE_EXPORT_SIZE',
        `the file has more than ${FILE_BYTES_MAX} bytes`,
      )
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

async function deliver(
  { format }: ClaimedRun,
  address: string,
  { name, bytes }: { name: string; bytes: Uint8Array },
  outpost: Outpost,
): Promise<void> {
  const headers = {
    'content-type': MEDIA_TYPES[format],
    // Azure takes a file only with this; others do not look at it.
    'x-ms-blob-type': 'BlockBlob',
  }
  const { status } = await put(addressFor(address, name), headers, bytes, {
    ...outpost,
    timeoutMs: PUT_MS,
  })
  if (status >= 200 && status < 300) return
  throw new PostError(`the target answered ${status}`, isRefusal(status))
}

const FINAL_CODES: ReadonlySet<string> = new Set(['HANSE_EXPORT_SIZE', 'HANSE_REQUEST_INVALID'])

/** The same again comes to the same: an address whose signature has run out is answered with 403. */
const isRefusal = (status: number): boolean =>
  status >= 300 && status < 500 && ![408, 409, 423, 425, 429].includes(status)

const isFinal = (error: unknown): boolean =>
  (error instanceof PostError && error.isFinal) ||
  (error instanceof SettlementError && FINAL_CODES.has(error.code))

/** For the owner: no address, and nothing of what was answered. */
const failureOf = (error: unknown): string =>
  error instanceof PostError ? error.message : jobFault(error).message
