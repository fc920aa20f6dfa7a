import { open, stat } from 'node:fs/promises'
import { HanseError } from '@hanse/protocol'
import type { GgufFileInfo } from 'node-llama-cpp'
import { numberIn } from '../json.ts'
import { tensorBytes } from './ggml-types.ts'

/** A file as it was when it was read, to see later whether it is still the same. */
export interface FileStamp {
  readonly sizeBytes: number
  readonly modifiedMs: number
}

/** magic, version, tensors, keys */
const HEADER_BYTES = 24

// The largest models have some thousand tensors and some hundred keys: more is no model.
const TENSORS_MAX = 1_000_000n
const KEYS_MAX = 100_000n

/** @throws {HanseError} HANSE_MODEL_FILE when there is no such file, or none that can be read. */
export async function stampOf(path: string): Promise<FileStamp> {
  try {
    const { size, mtimeMs, isFile } = await stat(path).then((stats) => ({
      size: stats.size,
      mtimeMs: stats.mtimeMs,
      isFile: stats.isFile(),
    }))
    if (!isFile) throw modelFileError(path, 'is no file')
    return { sizeBytes: size, modifiedMs: mtimeMs }
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
  const { sizeBytes } = await stampOf(path)
  await checkHeader(path)
  const { readGgufFileInfo } = await import('node-llama-cpp')
  const info = await readGgufFileInfo(path, {
    sourceType: 'filesystem',
    logWarnings: false,
    spliceSplitFiles: false,
  }).catch((cause: unknown) => {
    throw modelFileError(path, 'is cut short or damaged: its description cannot be read', cause)
  })
  if (partsOf(info) > 1)
    throw modelFileError(path, 'is one part of several: join them with llama-gguf-split --merge')
  checkExtents(path, info, sizeBytes)
  return info
}

async function checkHeader(path: string): Promise<void> {
  const header = await readHeader(path)
  if (header.length < HEADER_BYTES || header.toString('latin1', 0, 4) !== 'GGUF')
    throw modelFileError(path, 'is not in the GGUF format')
  const version = header.readUInt32LE(4)
  if (version !== 2 && version !== 3)
    throw modelFileError(path, `has version ${version} of GGUF; 2 and 3 are known`)
  if (header.readBigUInt64LE(8) > TENSORS_MAX || header.readBigUInt64LE(16) > KEYS_MAX)
    throw modelFileError(path, 'is damaged: its header is out of range')
}

async function readHeader(path: string): Promise<Buffer> {
  try {
    await using file = await open(path)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0)
    return buffer.subarray(0, bytesRead)
  } catch (cause) {
    throw unreadable(path, cause)
  }
}

function checkExtents(path: string, info: GgufFileInfo, sizeBytes: number): void {
  const tensors = info.tensorInfo ?? []
  if (tensors.length === 0) throw modelFileError(path, 'has no weights')
  const ends = tensors.map(
    ({ fileOffset, ggmlType, dimensions }) =>
      Number(fileOffset) + tensorBytes(ggmlType, dimensions),
  )
  const end = ends.reduce((last, next) => Math.max(last, next), 0)
  if (end > sizeBytes) {
    const missing = `its weights reach to byte ${end}, the file has ${sizeBytes}`
    throw modelFileError(path, `is cut short: ${missing}`)
  }
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
