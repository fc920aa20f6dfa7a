import { HanseError } from '@hanse/protocol'

/** A file of a repository. */
export interface RemoteFile {
  readonly path: string
  readonly sizeBytes: number
  /** Lower-case hex, where the repository tells it. */
  readonly sha256: string | undefined
}

/** One model of a repository: a file, or all parts of a split one in their order. */
export interface Variant {
  readonly quantization: string | undefined
  readonly files: readonly RemoteFile[]
  readonly sizeBytes: number
  /** Path without ending and part number. */
  readonly stem: string
}

/** What Ollama takes too: small, and hardly worse than the original. */
const PREFERRED = 'Q4_K_M'
/** Beside the weights: projectors of images, draft models, matrices of importance. */
const NO_MODEL = /(?:^|[/._-])(?:mmproj|imatrix|mtp|dflash|ggml-vocab)(?:[._-]|$)/iu
const PART = /-(\d{5})-of-(\d{5})$/u
const QUANTIZATION =
  /(?:^|[-._/])((?:UD-)?(?:I?Q\d(?:_[A-Z0-9]+)*|TQ\d_\d|BF16|FP?16|FP?32|MXFP4(?:_MOE)?|NVFP4))(?=[-._/]|$)/giu
const CHOICES_SHOWN_MAX = 40

/** The quantization that a file's name tells, such as `Q4_K_M`. */
export function quantizationOf(stem: string): string | undefined {
  const inName = [...(stem.split('/').at(-1) ?? '').matchAll(QUANTIZATION)].at(-1)?.[1]
  const found = inName ?? [...stem.matchAll(QUANTIZATION)].at(-1)?.[1]
  return found?.toUpperCase().replace(/^FP/u, 'F')
}

export function variantsOf(files: readonly RemoteFile[]): readonly Variant[] {
  const groups = new Map<string, RemoteFile[]>()
  for (const file of files) {
    if (!/\.gguf$/iu.test(file.path) || NO_MODEL.test(file.path)) continue
    const stem = file.path.replace(/\.gguf$/iu, '').replace(PART, '')
    groups.set(stem, [...(groups.get(stem) ?? []), file])
  }
  return [...groups].map(([stem, members]) => {
    const parts = members.toSorted((a, b) => (a.path < b.path ? -1 : 1))
    return {
      stem,
      quantization: quantizationOf(stem),
      files: parts,
      sizeBytes: parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    }
  })
}

/**
 * The variant that is meant: the file or quantization that was asked for, else Q4_K_M, else the only one.
 *
 * @throws {HanseError} HANSE_REQUEST_INVALID that lists what there is to choose from
 */
export function chooseVariant(
  repo: string,
  files: readonly RemoteFile[],
  asked: { readonly file: string | undefined; readonly quantization: string | undefined },
): Variant {
  const variants = variantsOf(files)
  if (variants.length === 0) {
    throw new HanseError(
      'HANSE_REQUEST_INVALID',
      `${repo} has no GGUF file; look for a repository of the model whose name ends with -GGUF`,
    )
  }
  const { file } = asked
  if (file !== undefined) {
    const found = variants.find(({ files: parts }) => parts.some(({ path }) => path === file))
    if (found === undefined) throw choices(repo, variants, `has no ${file}`)
    return whole(found)
  }
  const wanted = asked.quantization ?? (variants.length === 1 ? undefined : PREFERRED)
  if (wanted === undefined && variants[0] !== undefined) return whole(variants[0])
  const matching = variants.filter(
    ({ quantization }) => quantization?.toUpperCase() === wanted?.toUpperCase(),
  )
  if (matching.length === 1 && matching[0] !== undefined) return whole(matching[0])
  if (matching.length > 1) throw choices(repo, matching, `has several of ${wanted}; name the file`)
  throw choices(
    repo,
    variants,
    asked.quantization === undefined
      ? `has no ${PREFERRED}; say which you want`
      : `has no ${asked.quantization}`,
  )
}

/** All parts from the first to the last, or an error: half a model loads nowhere. */
function whole(variant: Variant): Variant {
  const numbers = variant.files.map(({ path }) => PART.exec(path.replace(/\.gguf$/iu, '')))
  const total = Number(numbers[0]?.[2] ?? 0)
  if (total === 0) return variant
  const complete =
    variant.files.length === total && numbers.every((match, i) => Number(match?.[1]) === i + 1)
  if (complete) return variant
  throw new HanseError(
    'HANSE_MODEL_DOWNLOAD',
    `${variant.stem}: the source has ${variant.files.length} of its ${total} parts`,
  )
}

function choices(repo: string, variants: readonly Variant[], why: string): HanseError {
  const lines = variants
    .toSorted((a, b) => a.sizeBytes - b.sizeBytes)
    .slice(0, CHOICES_SHOWN_MAX)
    .map(({ quantization, sizeBytes, files }) => {
      const size = `${(sizeBytes / 1e9).toFixed(2)} GB`
      return `  ${repo}${quantization === undefined ? '' : `:${quantization}`}  ${size}  ${files[0]?.path ?? ''}`
    })
  return new HanseError('HANSE_REQUEST_INVALID', `${repo} ${why}:\n${lines.join('\n')}`)
}

/** The URLs of all parts of a split model, of which one is given; else just that one. */
export function partUrls(url: URL): readonly URL[] {
  return partNames(url.pathname).map((pathname) => Object.assign(new URL(url), { pathname }))
}

/** The same for paths. */
export function partNames(path: string): readonly string[] {
  const match = /^(.*-)(\d{5})(-of-)(\d{5})(\.gguf)$/iu.exec(path)
  if (match === null) return [path]
  const [, before = '', , of = '', total = '', ending = ''] = match
  const count = Number(total)
  // llama.cpp splits into some dozens of files of some gigabytes.
  if (count < 1 || count > 1024) return [path]
  return Array.from(
    { length: count },
    (_, i) => `${before}${String(i + 1).padStart(5, '0')}${of}${total}${ending}`,
  )
}
