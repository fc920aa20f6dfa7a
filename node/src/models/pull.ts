import { mkdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { HanseError } from '@hanse/protocol'
import { chooseVariant, partNames, partUrls, quantizationOf, variantsOf } from './choose-files.ts'
import {
  copyIn,
  type Downloaded,
  type DownloadOptions,
  download,
  type Progress,
  sourceName,
} from './download.ts'
import { readGguf } from './gguf.ts'
import type { HuggingFace } from './hugging-face.ts'
import type { Licence } from './licence.ts'
import { hashFile, type ModelStore, type StoredModel } from './model-store.ts'
import { checkSpace, partPath } from './part-file.ts'
import { nameOfFile, type Reference } from './reference.ts'

/** What would be pulled, for its user to look at first. */
export interface PullPlan {
  readonly name: string
  readonly source: string
  readonly revision: string | null
  readonly licence: Licence
  readonly gated: boolean
  readonly quantization: string | undefined
  readonly files: readonly PlannedFile[]
  /** `undefined` where the source does not tell before. */
  readonly sizeBytes: number | undefined
}

export interface PlannedFile {
  readonly name: string
  readonly from: URL | string
  readonly sizeBytes: number | undefined
  readonly sha256: string | undefined
}

export interface PlanChoices {
  readonly name?: string | undefined
  readonly revision?: string | undefined
  /** Of the only file, lower-case hex. */
  readonly sha256?: string | undefined
}

export interface PullProgress extends Progress {
  readonly file: string
  readonly part: number
  readonly parts: number
}

export interface PullOptions extends Omit<DownloadOptions, 'onProgress'> {
  readonly hub: HuggingFace
  readonly onProgress?: (progress: PullProgress) => void
  readonly now: () => number
}

/**
 * Finds out what a reference means.
 *
 * @throws {HanseError} HANSE_REQUEST_INVALID, HANSE_MODEL_DOWNLOAD, HANSE_MODEL_GATED, HANSE_MODEL_FILE
 */
export async function planPull(
  reference: Reference,
  choices: PlanChoices,
  hub: HuggingFace,
  signal?: AbortSignal,
): Promise<PullPlan> {
  const plan = await planOf(reference, choices, hub, signal)
  const [first, ...more] = plan.files
  const { sha256, name = plan.name } = choices
  if (first === undefined) throw new HanseError('HANSE_MODEL_FILE', 'there is no file to pull')
  if (sha256 === undefined) return { ...plan, name }
  if (more.length > 0)
    throw new HanseError('HANSE_REQUEST_INVALID', '--sha256 is for models of one file')
  if (first.sha256 !== undefined && first.sha256 !== sha256) {
    throw new HanseError(
      'HANSE_MODEL_DIGEST',
      `the source says that SHA-256 is ${first.sha256}, not ${sha256}; nothing was pulled`,
    )
  }
  return { ...plan, name, files: [{ ...first, sha256 }] }
}

async function planOf(
  reference: Reference,
  choices: PlanChoices,
  hub: HuggingFace,
  signal: AbortSignal | undefined,
): Promise<PullPlan> {
  switch (reference.kind) {
    case 'hugging-face': {
      const { repo } = reference
      const model = await hub.model(repo, choices.revision ?? reference.revision, signal)
      const variant = chooseVariant(repo, model.files, reference)
      const { quantization, files, stem, sizeBytes } = variant
      const alike = variantsOf(model.files).filter((one) => one.quantization === quantization)
      return {
        name:
          alike.length > 1 || quantization === undefined
            ? `${repo}/${basename(stem)}`
            : `${repo}:${quantization}`,
        source: sourceName(hub.fileUrl(repo, model.revision, files[0]?.path ?? '')),
        revision: model.revision,
        licence: model.licence,
        gated: model.gated,
        quantization,
        sizeBytes,
        files: files.map((file) => ({
          ...file,
          name: basename(file.path),
          from: hub.fileUrl(repo, model.revision, file.path),
        })),
      }
    }
    case 'url': {
      const path = decodeURIComponent(reference.url.pathname)
      return {
        name: nameOfFile(path),
        source: sourceName(reference.url),
        revision: null,
        licence: { name: null, link: null },
        gated: false,
        quantization: quantizationOf(nameOfFile(path)),
        sizeBytes: undefined,
        files: partUrls(reference.url).map((url) => ({
          name: safeName(basename(decodeURIComponent(url.pathname))),
          from: url,
          sizeBytes: undefined,
          sha256: undefined,
        })),
      }
    }
    case 'file':
      return await planOfFile(reference.path)
  }
}

async function planOfFile(path: string): Promise<PullPlan> {
  const { licence, licenceLink } = await readGguf(path)
  const paths = partNames(path)
  const sizes = await Promise.all(paths.map(async (part) => await sizeOf(part)))
  return {
    name: nameOfFile(path),
    source: path,
    revision: null,
    licence: { name: licence, link: licenceLink },
    gated: false,
    quantization: quantizationOf(nameOfFile(path)),
    sizeBytes: sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0),
    files: paths.map((from, i) => ({
      name: safeName(basename(from)),
      from,
      sizeBytes: sizes[i],
      sha256: undefined,
    })),
  }
}

/**
 * Brings a model into the store. Run again after any stop, it goes on with what is there.
 *
 * @throws {HanseError} HANSE_MODEL_DOWNLOAD, HANSE_MODEL_GATED, HANSE_MODEL_DIGEST, HANSE_MODEL_FILE, HANSE_MODEL_BUSY,
 *   HANSE_DISK_FULL
 */
export async function pullModel(
  plan: PullPlan,
  store: ModelStore,
  options: PullOptions,
): Promise<StoredModel> {
  const { name } = plan
  const folder = store.folderOf(name)
  await mkdir(folder, { recursive: true })
  using _lock = store.lock(name)
  await store.begin({ name, source: plan.source, totalBytes: plan.sizeBytes ?? null })
  try {
    return await bringAll(plan, store, folder, options)
  } catch (error) {
    await store.abandon(name)
    throw error
  }
}

async function bringAll(
  plan: PullPlan,
  store: ModelStore,
  folder: string,
  options: PullOptions,
): Promise<StoredModel> {
  const { name, files } = plan
  await checkWholeSpace(plan, folder)
  const before = await store.find(name)
  const got: { name: string; sizeBytes: number; sha256: string }[] = []
  for (const [index, file] of files.entries()) {
    const onProgress = (progress: Progress): void =>
      options.onProgress?.({ ...progress, file: file.name, part: index + 1, parts: files.length })
    const known = before?.files.find((one) => one.name === file.name)
    const result =
      (await alreadyThere(file, known, join(folder, file.name), options.signal)) ??
      (await bring(file, join(folder, file.name), { ...options, onProgress }))
    got.push({ name: file.name, ...result })
  }
  const facts = await readGguf(join(folder, got[0]?.name ?? ''))
  for (const { name: more } of got.slice(1)) await readGguf(join(folder, more))
  return await store.add({
    name,
    source: plan.source,
    revision: plan.revision,
    files: got,
    licence: plan.licence.name ?? facts.licence,
    licenceLink: plan.licence.link ?? facts.licenceLink,
    quantization: facts.quantization ?? plan.quantization ?? null,
    architecture: facts.architecture,
    contextLength: facts.contextLength,
    parameters: facts.parameters,
    pulledAt: options.now(),
  })
}

async function bring(
  { from, sizeBytes, sha256 }: PlannedFile,
  target: string,
  options: DownloadOptions & { readonly hub: HuggingFace },
): Promise<Downloaded> {
  if (typeof from === 'string') return await copyIn(from, target, sha256, options)
  return await download({ from, sizeBytes, sha256, token: options.hub.token }, target, options)
}

/** A file that needs no download: the manifest knows it with the digest that is wanted, or its bytes have it. */
async function alreadyThere(
  { sizeBytes, sha256 }: PlannedFile,
  known: Downloaded | undefined,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Downloaded | undefined> {
  const size = await sizeOf(path)
  if (size === undefined || sha256 === undefined) return undefined
  if (known !== undefined && known.sha256 === sha256 && known.sizeBytes === size)
    return { sizeBytes: size, sha256 }
  // Stopped between the last file and the manifest.
  if (sizeBytes !== undefined && size !== sizeBytes) return undefined
  const there = await hashFile(path, signal, () => undefined)
  return there === sha256 ? { sizeBytes: size, sha256 } : undefined
}

/** Before the first byte, for all parts together: a disk that fills up after hours helps nobody. */
async function checkWholeSpace({ files, sizeBytes }: PullPlan, folder: string): Promise<void> {
  if (sizeBytes === undefined) return
  const needed = await Promise.all(
    files.map(async ({ name, sizeBytes: size = 0 }) => {
      const path = join(folder, name)
      if ((await sizeOf(path)) === size) return 0
      return Math.max(0, size - ((await sizeOf(partPath(path))) ?? 0))
    }),
  )
  await checkSpace(
    folder,
    needed.reduce((sum, size) => sum + size, 0),
  )
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size
}

/** A server names the file; it may not choose where it goes. */
function safeName(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9._()+=-]+/gu, '-').replace(/^[^A-Za-z0-9_(]+/u, '')
  return safe.slice(-200) || 'model.gguf'
}
