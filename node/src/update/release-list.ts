import { HanseError, openNote } from '@hanse/protocol'
import { z } from 'zod'
import { safeFetch } from './safe-fetch.ts'
import { parseVersion } from './version.ts'

/** A program with a model and a runtime in it; more is no release of ours. */
const FILE_BYTES_MAX = 4 * 1024 ** 3
const FILES_MAX = 64
const LIST_MS = 30_000
/** What a signed note may have; a list of 64 files is a tenth of it. */
const LIST_BYTES_MAX = 1 << 20

const releaseFile = z.strictObject({
  platform: z.string().max(32),
  arch: z.string().max(32),
  /** Absolute, or relative to the list. */
  url: z.string().max(2048),
  sha256: z.string().regex(/^[0-9a-f]{64}$/u),
  size: z.int().min(1).max(FILE_BYTES_MAX),
})
export type ReleaseFile = z.output<typeof releaseFile>

const releaseList = z.strictObject({
  version: z.string().refine((text) => parseVersion(text) !== undefined),
  files: z.array(releaseFile).max(FILES_MAX),
})
export type ReleaseList = z.output<typeof releaseList>

/**
 * Fetches the list of a release: a signed note (C2SP) whose text is JSON. Nothing in it is looked at before its
 * signature is.
 *
 * @throws {HanseError} HANSE_UPDATE_SIGNATURE, HANSE_UPDATE_FAILED
 */
export async function fetchReleaseList(url: string, keys: readonly string[]): Promise<ReleaseList> {
  const signal = AbortSignal.timeout(LIST_MS)
  const bytes = await readAtMost(await safeFetch(url, signal), LIST_BYTES_MAX)
  return openReleaseList(bytes, keys)
}

/** @throws {HanseError} as above */
export function openReleaseList(bytes: Uint8Array, keys: readonly string[]): ReleaseList {
  let text: string
  try {
    text = openNote(bytes, keys).text
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : ''
    throw new HanseError('HANSE_UPDATE_SIGNATURE', `the list of the release: ${why}`, { cause })
  }
  try {
    return releaseList.parse(JSON.parse(text))
  } catch (cause) {
    throw new HanseError('HANSE_UPDATE_FAILED', 'the list of the release is not one of ours', {
      cause,
    })
  }
}

async function readAtMost(response: Response, bytesMax: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let size = 0
  try {
    for await (const part of response.body ?? []) {
      size += part.byteLength
      if (size > bytesMax) throw new Error(`over ${bytesMax} bytes`)
      parts.push(part)
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : ''
    throw new HanseError('HANSE_UPDATE_FAILED', `the list of the release: ${why}`, { cause })
  }
  return Buffer.concat(parts)
}
