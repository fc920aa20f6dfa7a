import { createHash, timingSafeEqual } from 'node:crypto'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { HanseError } from '@hanse/protocol'
import type { ReleaseFile } from './release-list.ts'
import { safeFetch } from './safe-fetch.ts'

/** A line that gives nothing for this long is dead. */
const SILENCE_MS = 60_000

export type OpenFile = (path: string, flags: string, mode: number) => Promise<FileHandle>

/**
 * Downloads a file to `path` and checks size and digest; on any fault nothing stays there.
 *
 * @throws {HanseError} HANSE_UPDATE_SIGNATURE when it is another file, HANSE_DISK_FULL, HANSE_UPDATE_FAILED
 */
export async function downloadFile(
  url: string,
  expected: Pick<ReleaseFile, 'sha256' | 'size'>,
  path: string,
  openFile: OpenFile = open,
): Promise<void> {
  // Left by a download that was cut.
  await rm(path, { force: true })
  const silence = new AbortController()
  try {
    const response = await safeFetch(url, silence.signal)
    const file = await openFile(path, 'wx', 0o755)
    try {
      await receive(response, file, expected, silence)
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (cause) {
    silence.abort()
    await rm(path, { force: true })
    throw faultOf(cause, path)
  }
}

async function receive(
  response: Response,
  file: FileHandle,
  { sha256, size }: Pick<ReleaseFile, 'sha256' | 'size'>,
  silence: AbortController,
): Promise<void> {
  const hash = createHash('sha256')
  let received = 0
  const timer = setTimeout(() => silence.abort(new Error('the server went silent')), SILENCE_MS)
  try {
    for await (const part of response.body ?? []) {
      timer.refresh()
      received += part.byteLength
      if (received > size) throw other(`it is larger than ${size} bytes`)
      hash.update(part)
      for (let at = 0; at < part.byteLength; ) at += (await file.write(part, at)).bytesWritten
    }
  } finally {
    clearTimeout(timer)
  }
  if (received < size) throw new Error(`it ended after ${received} of ${size} bytes`)
  if (!timingSafeEqual(hash.digest(), Buffer.from(sha256, 'hex')))
    throw other('its SHA-256 is not that of the signed list')
}

const other = (why: string) =>
  new HanseError('HANSE_UPDATE_SIGNATURE', `the downloaded file is another one: ${why}`)

function faultOf(cause: unknown, path: string): HanseError {
  if (cause instanceof HanseError) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOSPC'
    ? new HanseError('HANSE_DISK_FULL', `no space for ${path}`, { cause })
    : new HanseError('HANSE_UPDATE_FAILED', `the download was cut: ${message}`, { cause })
}
