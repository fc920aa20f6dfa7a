import { createReadStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { HanseError } from '@hanse/protocol'
import {
  downloadFault,
  faultOfStatus,
  get,
  type HostToken,
  PermanentFault,
  retryAfterMs,
} from './http.ts'
import { reasonOf } from './hugging-face.ts'
import { checkSpace, gigabytes, notePath, PartFile } from './part-file.ts'
import { delayMs, RETRY_AFTER_MAX_MS, type RetryOptions, sleepFor, TRIES_MAX } from './retry.ts'

export interface Wanted {
  readonly from: URL
  readonly token?: HostToken | undefined
  /** `undefined` where the source does not tell. */
  readonly sizeBytes?: number | undefined
  readonly sha256?: string | undefined
}

export interface Progress {
  /** `checking`: what an earlier run left is hashed. */
  readonly phase: 'checking' | 'downloading'
  readonly doneBytes: number
  readonly totalBytes: number | undefined
}

export interface DownloadOptions extends RetryOptions {
  readonly sizeBytesMax: number
  readonly onProgress?: (progress: Progress) => void
  /** Told when something went wrong and is tried again. */
  readonly onRetry?: (why: string, inMs: number) => void
  readonly signal?: AbortSignal
  /** Longest time without a byte. */
  readonly stallMs?: number
}

export interface Downloaded {
  readonly sizeBytes: number
  readonly sha256: string
}

const STALL_MS = 60_000
/** A file that is replaced again and again is never whole here. */
const CHANGES_MAX = 3
/** Often enough for a line on a screen, seldom enough to cost nothing. */
const PROGRESS_EVERY_BYTES = 1 << 18

/**
 * Brings a file to `target`, going on with what an earlier run left in `<target>.part`.
 *
 * @throws {HanseError} HANSE_MODEL_DOWNLOAD, HANSE_MODEL_GATED, HANSE_MODEL_DIGEST, HANSE_DISK_FULL
 */
export async function download(
  wanted: Wanted,
  target: string,
  options: DownloadOptions,
): Promise<Downloaded> {
  const { signal, onProgress } = options
  const report = (phase: Progress['phase'], doneBytes: number): void =>
    onProgress?.({ phase, doneBytes, totalBytes: wanted.sizeBytes })
  await using part = await PartFile.open(
    target,
    sourceName(wanted.from),
    (bytes) => report('checking', bytes),
    signal,
  )
  // What this run did not see arrive may be of another file; when the digest is wrong, that is the first suspect.
  let isPatched = part.sizeBytes > 0
  for (;;) {
    await fetchAll(wanted, part, options)
    const sha256 = part.sha256()
    if (wanted.sha256 === undefined || sha256 === wanted.sha256) {
      await part.finish()
      return { sizeBytes: part.sizeBytes, sha256 }
    }
    await part.restart()
    if (!isPatched) {
      throw new HanseError(
        'HANSE_MODEL_DIGEST',
        `${wanted.from.href}: SHA-256 is ${sha256} instead of ${wanted.sha256}; nothing was kept`,
      )
    }
    isPatched = false
    options.onRetry?.('the parts do not make up the file; beginning anew', 0)
  }
}

/** Tries until all bytes are there, or trying makes no sense. */
async function fetchAll(wanted: Wanted, part: PartFile, options: DownloadOptions): Promise<void> {
  const { signal, triesMax = TRIES_MAX, sleep = sleepFor, onRetry } = options
  let failures = 0
  let changes = 0
  for (;;) {
    const before = part.sizeBytes
    // Killed after the last byte and before the rename.
    if (wanted.sizeBytes !== undefined && part.sizeBytes === wanted.sizeBytes) return
    try {
      await fetchOnce(wanted, part, options)
      return
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof PermanentFault || isLocal(error)) throw error
      failures = part.sizeBytes > before ? 1 : failures + 1
      if (part.sizeBytes < before && ++changes > CHANGES_MAX)
        throw downloadFault(`${wanted.from.href}: the file keeps changing`, error)
      const reason = reasonOf(error)
      const asked = error instanceof HanseError ? error.retryAfterMs : undefined
      const wait = asked ?? delayMs(failures, options)
      if (failures >= triesMax || wait > RETRY_AFTER_MAX_MS) {
        throw new HanseError(
          'HANSE_MODEL_DOWNLOAD',
          `${wanted.from.host}: ${reason}; ${gigabytes(part.sizeBytes)} are kept`,
          { cause: error, ...(asked === undefined ? {} : { retryAfterMs: asked }) },
        )
      }
      onRetry?.(reason, wait)
      await sleep(wait, signal)
    }
  }
}

async function fetchOnce(wanted: Wanted, part: PartFile, options: DownloadOptions): Promise<void> {
  if (part.sizeBytes > 0 && !isResumable(wanted, part)) await part.restart()
  const { signal, stallMs = STALL_MS } = options
  const stalled = new AbortController()
  const timer = setTimeout(
    () => stalled.abort(new Error(`no byte for ${stallMs / 1000} s`)),
    stallMs,
  )
  try {
    const response = await get(wanted.from, {
      token: wanted.token,
      headers: rangeOf(part),
      signal: signal === undefined ? stalled.signal : AbortSignal.any([signal, stalled.signal]),
    })
    try {
      const totalBytes = await begin(wanted, part, response, options)
      if (totalBytes !== 'whole')
        await take(response, part, totalBytes, options, () => timer.refresh())
    } finally {
      await response.body?.cancel().catch(() => undefined)
    }
  } catch (error) {
    throw stalled.signal.aborted && signal?.aborted !== true ? stalled.signal.reason : error
  } finally {
    clearTimeout(timer)
  }
}

/** Whether more bytes may be put behind those that are there: the server, or the digest at the end, must notice a change. */
function isResumable(wanted: Wanted, part: PartFile): boolean {
  if (wanted.sizeBytes !== undefined && part.sizeBytes > wanted.sizeBytes) return false
  return strongTag(part.note.etag) !== undefined || wanted.sha256 !== undefined
}

function rangeOf(part: PartFile): Record<string, string> {
  if (part.sizeBytes === 0) return {}
  const etag = strongTag(part.note.etag)
  return {
    range: `bytes=${part.sizeBytes}-`,
    ...(etag === undefined ? {} : { 'if-range': etag }),
  }
}

/** A weak tag says “about the same”, which is not enough to put two halves together (RFC 9110, 13.1.5). */
function strongTag(etag: string | null): string | undefined {
  return etag?.startsWith('"') === true ? etag : undefined
}

/** Judges the head of an answer; afterwards the part is as long as where the body begins. @returns the size of the file, or `whole` */
async function begin(
  wanted: Wanted,
  part: PartFile,
  response: Response,
  { sizeBytesMax }: DownloadOptions,
): Promise<number | undefined | 'whole'> {
  const { status, headers } = response
  const what = wanted.from.href
  if (status === 416) {
    // With the same tag there is nothing after our last byte: the file is whole.
    const isSame = strongTag(part.note.etag) !== undefined
    if (isSame && headers.get('content-range') === `bytes */${part.sizeBytes}`) return 'whole'
    await part.restart()
    throw new Error('the server has another file than before')
  }
  if (status !== 200 && status !== 206) {
    const fault = faultOfStatus(status, what, wanted.token !== undefined)
    if (fault !== undefined) throw fault
    const retry = retryAfterMs(headers.get('retry-after'), Date.now())
    throw new HanseError(
      'HANSE_MODEL_DOWNLOAD',
      `the server answers ${status}`,
      retry === undefined ? {} : { retryAfterMs: retry },
    )
  }
  const etag = headers.get('etag')
  let totalBytes: number | undefined
  if (status === 206) {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/u.exec(headers.get('content-range') ?? '')
    totalBytes = range?.[2] === undefined || range[2] === '*' ? undefined : Number(range[2])
    const { note } = part
    const isOther =
      (note.etag !== null && etag !== null && etag !== note.etag) ||
      (note.sizeBytes !== null && totalBytes !== undefined && totalBytes !== note.sizeBytes)
    if (Number(range?.[1]) !== part.sizeBytes || isOther) {
      await part.restart()
      throw new Error('the file has changed meanwhile; beginning anew')
    }
  } else {
    const length = headers.get('content-length')
    totalBytes = length === null ? undefined : Number(length)
    // The server knows no ranges, or the file has changed: this is all of it.
    if (part.sizeBytes > 0) await part.restart()
    if (/html/iu.test(headers.get('content-type') ?? ''))
      throw downloadFault(`${what}: this is a web page, and no file`)
  }
  if (wanted.sizeBytes !== undefined && totalBytes !== undefined && totalBytes !== wanted.sizeBytes)
    throw downloadFault(`${what}: has ${totalBytes} bytes instead of ${wanted.sizeBytes}`)
  totalBytes ??= wanted.sizeBytes
  if (totalBytes !== undefined) {
    if (totalBytes > sizeBytesMax)
      throw downloadFault(
        `${what}: ${gigabytes(totalBytes)} are more than --model-max-gib allows (${gigabytes(sizeBytesMax)})`,
      )
    await checkSpace(dirname(part.path), totalBytes - part.sizeBytes)
  }
  await part.annotate({ etag, sizeBytes: totalBytes ?? null })
  return totalBytes
}

async function take(
  response: Response,
  part: PartFile,
  totalBytes: number | undefined,
  { sizeBytesMax, onProgress }: DownloadOptions,
  onBytes: () => void,
): Promise<void> {
  let reported = -PROGRESS_EVERY_BYTES
  const report = (): void => {
    reported = part.sizeBytes
    onProgress?.({ phase: 'downloading', doneBytes: part.sizeBytes, totalBytes })
  }
  report()
  for await (const chunk of response.body ?? []) {
    onBytes()
    if (part.sizeBytes + chunk.byteLength > (totalBytes ?? sizeBytesMax))
      throw downloadFault(`${response.url}: the server sends more than it said, or than is allowed`)
    await part.append(chunk)
    if (part.sizeBytes - reported >= PROGRESS_EVERY_BYTES) report()
  }
  if (totalBytes !== undefined && part.sizeBytes < totalBytes)
    throw new Error('the connection ended early')
  report()
}

/** Faults of this machine: trying again at once changes nothing. */
function isLocal(error: unknown): boolean {
  if (error instanceof HanseError) return error.code === 'HANSE_DISK_FULL'
  if (!(error instanceof Error) || !('code' in error)) return false
  return /^E(?:ACCES|PERM|ROFS|IO|ISDIR|NOTDIR|NOENT|MFILE|FBIG)$/u.test(String(error.code))
}

/** Without query: signatures in it change, and are nobody’s business. */
export function sourceName(url: URL): string {
  return `${url.origin}${url.pathname}`
}

/**
 * Copies a file of this machine, as `download` brings one from another.
 *
 * @throws {HanseError} HANSE_MODEL_FILE, HANSE_MODEL_DIGEST, HANSE_DISK_FULL
 */
export async function copyIn(
  from: string,
  target: string,
  sha256: string | undefined,
  options: DownloadOptions,
): Promise<Downloaded> {
  const facts = await stat(from).catch((cause: unknown) => {
    throw new HanseError('HANSE_MODEL_FILE', `${from}: it cannot be read`, { cause })
  })
  if (!facts.isFile()) throw new HanseError('HANSE_MODEL_FILE', `${from}: it is no file`)
  await checkSpace(dirname(target), facts.size)
  // A copy is quick: it always begins anew.
  await rm(notePath(target), { force: true })
  await using part = await PartFile.open(target, `file:${from}`)
  let reported = 0
  for await (const chunk of createReadStream(from, {
    highWaterMark: 1 << 20,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })) {
    await part.append(chunk as Buffer)
    if (part.sizeBytes - reported < PROGRESS_EVERY_BYTES && part.sizeBytes < facts.size) continue
    reported = part.sizeBytes
    options.onProgress?.({
      phase: 'downloading',
      doneBytes: part.sizeBytes,
      totalBytes: facts.size,
    })
  }
  const got = part.sha256()
  if (sha256 !== undefined && got !== sha256) {
    await part.restart()
    throw new HanseError('HANSE_MODEL_DIGEST', `${from}: SHA-256 is ${got} instead of ${sha256}`)
  }
  await part.finish()
  return { sizeBytes: part.sizeBytes, sha256: got }
}
