import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { HanseError } from '@hanse/protocol'

/** For its owner alone: everything about somebody is in it. */
const MODE = 0o600

/**
 * Writes an archive to a file, whole or not at all; `-` is standard output, where whoever reads looks whether all came.
 *
 * @param sha256 hex, where it is known what it must be
 * @throws {HanseError} HANSE_SETTLEMENT_UNAVAILABLE when it is something else, or ends early
 */
export async function saveArchive(
  body: ReadableStream<Uint8Array> | null,
  file: string,
  sha256: string | undefined,
): Promise<void> {
  if (body === null) throw broken('settlement sent no archive')
  if (file === '-') {
    await pipeline(chunksOf(body, sha256), process.stdout, { end: false })
    return
  }
  const part = `${file}.part`
  try {
    await pipeline(chunksOf(body, sha256), createWriteStream(part, { mode: MODE }))
    await rename(part, file)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}

async function* chunksOf(
  body: ReadableStream<Uint8Array>,
  sha256: string | undefined,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0])) {
      hash.update(chunk as Uint8Array)
      yield chunk as Uint8Array
    }
  } catch (cause) {
    throw broken('the archive ended early', cause)
  }
  const found = hash.digest('hex')
  if (sha256 !== undefined && found !== sha256)
    throw broken('the archive is not the one that was made')
}

const broken = (message: string, cause?: unknown): HanseError =>
  new HanseError('HANSE_SETTLEMENT_UNAVAILABLE', message, { cause })
