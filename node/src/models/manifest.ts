import { createHash } from 'node:crypto'
import { z } from 'zod'

const sha256 = z.string().regex(/^[0-9a-f]{64}$/u)
/** A plain name: a manifest must not lead out of its folder. */
const fileName = z.string().regex(/^[A-Za-z0-9_(][A-Za-z0-9 ._()+=-]{0,254}$/u)

/** What is kept beside a model's files, as `manifest.json`. */
export const manifestSchema = z.object({
  version: z.literal(1),
  /** As one asks for it, such as `org/repo:Q4_K_M`. */
  name: z.string().min(1).max(200),
  /** Where it came from: a URL without its query, or the path of a file. */
  source: z.string().max(2048),
  /** Commit of the source's repository. */
  revision: z.string().max(128).nullable(),
  files: z
    .array(z.object({ name: fileName, sizeBytes: z.int().min(0), sha256 }))
    .min(1)
    .max(1024),
  licence: z.string().max(1024).nullable(),
  licenceLink: z.string().max(2048).nullable(),
  quantization: z.string().max(32).nullable(),
  architecture: z.string().max(1024).nullable(),
  contextLength: z.int().min(1).nullable(),
  parameters: z.int().min(0),
  /** Milliseconds since 1970. */
  pulledAt: z.int().min(0),
})
export type Manifest = z.output<typeof manifestSchema>

/**
 * The digest that an Offer names: of the file, or, of a model in parts, of the lines that `sha256sum` prints of them in
 * their order.
 */
export function digestOf(files: Manifest['files']): `sha256:${string}` {
  const [first, ...rest] = files
  if (first !== undefined && rest.length === 0) return `sha256:${first.sha256}`
  const lines = files.map((file) => `${file.sha256}  ${file.name}\n`).join('')
  return `sha256:${createHash('sha256').update(lines).digest('hex')}`
}

/** The folder of a model: readable, and different for different names. */
export function folderName(name: string): string {
  const readable = name
    .replace(/\//gu, '--')
    .replace(/[^A-Za-z0-9._-]+/gu, '-')
    .replace(/^[^A-Za-z0-9]+/u, '')
    .slice(0, 100)
  const hash = createHash('sha256').update(name.toLowerCase()).digest('hex').slice(0, 8)
  return `${readable}-${hash}`.toLowerCase()
}
