import { access, constants, stat } from 'node:fs/promises'
import { HanseError } from '@hanse/protocol'
import type { GgufFileInfo } from 'node-llama-cpp'
import { readGguf as checkWhole } from '../../models/gguf.ts'
import { numberIn } from '../json.ts'

/** A file as it was when it was read, to see later whether it is still the same. */
export interface FileStamp {
  readonly sizeBytes: number
  readonly modifiedMs: number
}

/** @throws {HanseError} HANSE_MODEL_FILE when there is no such file, or none that can be read. */
export async function stampOf(path: string): Promise<FileStamp> {
  try {
    const stats = await stat(path)
    if (!stats.isFile()) throw modelFileError(path, 'is no file')
    await access(path, constants.R_OK)
    return { sizeBytes: stats.size, modifiedMs: stats.mtimeMs }
  } catch (cause) {
    throw unreadable(path, cause)
  }
}

/**
 * Reads what a GGUF file says of itself, and checks that all of its weights are in it: llama.cpp maps them into memory,
 * and reading past the end of a file kills the process.
 *
 * @throws {HanseError} HANSE_MODEL_FILE
 */
export async function readGguf(path: string): Promise<GgufFileInfo> {
  await stampOf(path)
  await checkWhole(path)
  const { readGgufFileInfo } = await import('node-llama-cpp')
  const info = await readGgufFileInfo(path, {
    sourceType: 'filesystem',
    logWarnings: false,
    spliceSplitFiles: false,
  }).catch((cause: unknown) => {
    throw modelFileError(path, 'is damaged: its description cannot be read', cause)
  })
  if (partsOf(info) > 1)
    throw modelFileError(path, 'is one part of several: join them with llama-gguf-split --merge')
  if ((info.tensorInfo ?? []).length === 0) throw modelFileError(path, 'has no weights')
  return info
}

function partsOf(info: GgufFileInfo): number {
  return numberIn(Reflect.get(info.metadata, 'split'), 'count') ?? 1
}

function unreadable(path: string, cause: unknown): HanseError {
  if (cause instanceof HanseError) return cause
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown fault'
  const reason = { ENOENT: 'does not exist', EACCES: 'may not be read by this user' }[code]
  return modelFileError(path, reason ?? `cannot be read (${code})`, cause)
}

export function modelFileError(path: string, what: string, cause?: unknown): HanseError {
  return new HanseError('HANSE_MODEL_FILE', `${path} ${what}`, cause === undefined ? {} : { cause })
}
