import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { HanseError } from '@hanse/protocol'
import { z } from 'zod'
import { writeAtomically } from './atomic-file.ts'
import { digestOf, folderName, type Manifest, manifestSchema } from './manifest.ts'
import { lockModel } from './model-lock.ts'

/** A model that is kept here. */
export interface StoredModel extends Manifest {
  /** Of its first file, which is what an engine opens. */
  readonly path: string
  readonly sizeBytes: number
  /** See `digestOf`. */
  readonly digest: `sha256:${string}`
}

export interface Unfinished {
  readonly name: string
  readonly source: string
  readonly doneBytes: number
  /** `null` where the source did not tell. */
  readonly totalBytes: number | null
}

export interface Catalog {
  readonly models: readonly StoredModel[]
  /** Downloads that stopped on the way. */
  readonly unfinished: readonly Unfinished[]
  /** What is there and cannot be used. */
  readonly problems: readonly { readonly path: string; readonly reason: string }[]
}

const MANIFEST = 'manifest.json'
/** What a pull is after; gone once the manifest is there. */
const BEGUN = 'pull.json'
const begunSchema = z.object({
  name: z.string().max(200),
  source: z.string().max(2048),
  totalBytes: z.number().nullable(),
})
const MANIFEST_BYTES_MAX = 1 << 20
/** Nobody keeps more; a wrong folder may have more. */
const FOLDERS_MAX = 4096

/** The models in a folder: one folder each, with its files and a manifest. Opening it writes nothing. */
export class ModelStore {
  readonly folder: string

  constructor(folder: string) {
    this.folder = resolve(folder)
  }

  /** All models by name. Never throws for what is broken: that is told beside them. */
  async list(): Promise<Catalog> {
    const entries = await readdir(this.folder, { withFileTypes: true }).catch(() => [])
    const models: StoredModel[] = []
    const problems: Catalog['problems'][number][] = []
    const unfinished: Unfinished[] = []
    for (const entry of entries.slice(0, FOLDERS_MAX)) {
      if (!entry.isDirectory()) continue
      const folder = join(this.folder, entry.name)
      const begun = await readBegun(folder)
      if (begun !== undefined) unfinished.push(begun)
      const read = await readModel(folder)
      if (read.kind === 'model') models.push(read.model)
      else if (read.kind === 'broken') problems.push({ path: folder, reason: read.reason })
    }
    models.sort((a, b) => a.name.localeCompare(b.name, 'en'))
    return { models, unfinished, problems }
  }

  async find(name: string): Promise<StoredModel | undefined> {
    const read = await readModel(this.folderOf(name))
    return read.kind === 'model' ? read.model : undefined
  }

  /** Where the files of a model of this name belong. */
  folderOf(name: string): string {
    return join(this.folder, folderName(name))
  }

  /** For whoever changes files of a model. @throws {HanseError} HANSE_MODEL_BUSY */
  lock(name: string): Disposable {
    return lockModel(this.folderOf(name), name)
  }

  /** Notes what is about to be brought into `folderOf(name)`, so that a stopped pull can be named. */
  async begin(begun: Omit<Unfinished, 'doneBytes'>): Promise<void> {
    await writeAtomically(join(this.folderOf(begun.name), BEGUN), JSON.stringify(begun))
  }

  /** Takes the note away again, and the folder when there is nothing else in it. */
  async abandon(name: string): Promise<void> {
    const folder = this.folderOf(name)
    const left = (await readdir(folder)).filter(
      (file) => file !== BEGUN && !file.startsWith('.lock'),
    )
    if (left.length === 0) await rm(folder, { recursive: true, force: true })
    else if (left.includes(MANIFEST) && !left.some((file) => file.endsWith('.part')))
      await rm(join(folder, BEGUN), { force: true })
  }

  /** Makes known a model whose files lie in `folderOf(name)` already. */
  async add(facts: Omit<Manifest, 'version'>): Promise<StoredModel> {
    const folder = this.folderOf(facts.name)
    const manifest = manifestSchema.parse({ version: 1, ...facts })
    await mkdir(folder, { recursive: true })
    await writeAtomically(join(folder, MANIFEST), `${JSON.stringify(manifest, undefined, 2)}\n`)
    await rm(join(folder, BEGUN), { force: true })
    return stored(folder, manifest)
  }

  /**
   * Deletes a model, or what a download has left of it. @returns bytes that are free now
   * @throws {HanseError} HANSE_MODEL_NOT_STORED, HANSE_MODEL_BUSY
   */
  async remove(name: string): Promise<number> {
    const folder = this.folderOf(name)
    const names = await readdir(folder).catch(() => [])
    if (names.length === 0) throw notStored(name)
    {
      using _lock = this.lock(name)
      // The manifest first: half a removal must not look like a model.
      await rm(join(folder, MANIFEST), { force: true })
    }
    const sizes = await Promise.all(
      names.map(async (file) => (await stat(join(folder, file)).catch(() => undefined))?.size ?? 0),
    )
    await rm(folder, { recursive: true, force: true })
    return sizes.reduce((sum, size) => sum + size, 0)
  }

  /**
   * Hashes a model's files again.
   *
   * @throws {HanseError} HANSE_MODEL_NOT_STORED; HANSE_MODEL_FILE when a file is missing or cut off; HANSE_MODEL_DIGEST
   *   when its bytes have changed
   */
  async verify(
    name: string,
    onProgress: (doneBytes: number, totalBytes: number) => void = () => undefined,
    signal?: AbortSignal,
  ): Promise<StoredModel> {
    const folder = this.folderOf(name)
    const read = await readModel(folder, { trustSizes: true })
    if (read.kind === 'none') throw notStored(name)
    if (read.kind === 'broken') throw new HanseError('HANSE_MODEL_FILE', `${name}: ${read.reason}`)
    const { model } = read
    let done = 0
    for (const file of model.files) {
      const path = join(folder, file.name)
      const size = (await stat(path).catch(() => undefined))?.size
      if (size === undefined) throw new HanseError('HANSE_MODEL_FILE', `${path} is missing`)
      if (size < file.sizeBytes) {
        throw new HanseError(
          'HANSE_MODEL_FILE',
          `${path} is cut off: ${size} bytes instead of ${file.sizeBytes}`,
        )
      }
      const sha256 = await hashFile(path, signal, (bytes) => {
        done += bytes
        onProgress(done, model.sizeBytes)
      })
      if (sha256 !== file.sha256) {
        throw new HanseError(
          'HANSE_MODEL_DIGEST',
          `${path}: SHA-256 is ${sha256} instead of ${file.sha256}`,
        )
      }
    }
    return model
  }
}

/** What the provider needs of each model that can be loaded. Files are measured, not hashed: see `ModelStore.verify`. */
export async function storedModels(
  folder: string,
): Promise<
  Pick<
    StoredModel,
    'name' | 'path' | 'digest' | 'sizeBytes' | 'quantization' | 'contextLength' | 'licence'
  >[]
> {
  const { models } = await new ModelStore(folder).list()
  return models.map(({ name, path, digest, sizeBytes, quantization, contextLength, licence }) => ({
    name,
    path,
    digest,
    sizeBytes,
    quantization,
    contextLength,
    licence,
  }))
}

export async function hashFile(
  path: string,
  signal: AbortSignal | undefined,
  onBytes: (bytes: number) => void,
): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, {
    highWaterMark: 1 << 20,
    ...(signal === undefined ? {} : { signal }),
  })) {
    hash.update(chunk as Buffer)
    onBytes((chunk as Buffer).byteLength)
  }
  return hash.digest('hex')
}

type Read =
  | { readonly kind: 'model'; readonly model: StoredModel }
  | { readonly kind: 'broken'; readonly reason: string }
  | { readonly kind: 'none' }

async function readModel(folder: string, { trustSizes = false } = {}): Promise<Read> {
  const path = join(folder, MANIFEST)
  const size = (await stat(path).catch(() => undefined))?.size
  if (size === undefined) return { kind: 'none' }
  if (size > MANIFEST_BYTES_MAX) return { kind: 'broken', reason: 'its manifest is too long' }
  let value: unknown
  try {
    value = JSON.parse(await readFile(path, 'utf8'))
  } catch {
    return { kind: 'broken', reason: 'its manifest cannot be read' }
  }
  const manifest = manifestSchema.safeParse(value)
  if (!manifest.success) {
    const where = manifest.error.issues[0]?.path.join('.')
    return { kind: 'broken', reason: `its manifest is wrong at ${where}` }
  }
  if (!trustSizes) {
    for (const file of manifest.data.files) {
      const there = (await stat(join(folder, file.name)).catch(() => undefined))?.size
      if (there === file.sizeBytes) continue
      const reason =
        there === undefined
          ? `${file.name} is missing`
          : `${file.name} has ${there} bytes instead of ${file.sizeBytes}`
      return { kind: 'broken', reason }
    }
  }
  return { kind: 'model', model: stored(folder, manifest.data) }
}

function stored(folder: string, manifest: Manifest): StoredModel {
  return {
    ...manifest,
    path: join(folder, manifest.files[0]?.name ?? ''),
    sizeBytes: manifest.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    digest: digestOf(manifest.files),
  }
}

async function readBegun(folder: string): Promise<Unfinished | undefined> {
  let begun: z.output<typeof begunSchema>
  try {
    begun = begunSchema.parse(JSON.parse(await readFile(join(folder, BEGUN), 'utf8')))
  } catch {
    return undefined
  }
  const names = (await readdir(folder)).filter((name) => /\.gguf(?:\.part)?$/iu.test(name))
  const sizes = await Promise.all(
    names.map(async (name) => (await stat(join(folder, name)).catch(() => undefined))?.size ?? 0),
  )
  return { ...begun, doneBytes: sizes.reduce((sum, size) => sum + size, 0) }
}

function notStored(name: string): HanseError {
  return new HanseError('HANSE_MODEL_NOT_STORED', `no model ${name} is stored here`)
}
