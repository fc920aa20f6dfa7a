import { homedir } from 'node:os'
import { basename, isAbsolute, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { HanseError } from '@hanse/protocol'

/** What a user asks to pull. */
export type Reference =
  | {
      readonly kind: 'hugging-face'
      /** `org/name`. */
      readonly repo: string
      /** Branch, tag or commit; the newest of `main` when not given. */
      readonly revision: string | undefined
      /** Path of a file in the repository. */
      readonly file: string | undefined
      readonly quantization: string | undefined
    }
  | { readonly kind: 'url'; readonly url: URL }
  | { readonly kind: 'file'; readonly path: string }

const REFERENCE_LENGTH_MAX = 2048
const SEGMENT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$/u
const FILE_SEGMENT = /^[A-Za-z0-9_(][A-Za-z0-9 ._()+=-]{0,200}$/u
const QUANTIZATION = /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/u
const REVISION = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/u
const HUBS = ['hf.co', 'huggingface.co', 'www.huggingface.co']

/** @throws {HanseError} HANSE_REQUEST_INVALID that says which forms there are */
export function parseReference(text: string, hubUrl: string): Reference {
  const given = text.trim()
  if (given === '' || given.length > REFERENCE_LENGTH_MAX) throw refused(text)
  if (given.startsWith('file:')) return { kind: 'file', path: pathOf(given) }
  if (/^[a-z][a-z0-9+.-]+:\/\//iu.test(given)) return parseUrl(given, hubUrl)
  if (isAbsolute(given) || /^\.{1,2}[/\\]/u.test(given))
    return { kind: 'file', path: resolve(given) }
  if (given.startsWith('~/')) return { kind: 'file', path: join(homedir(), given.slice(2)) }
  const [first = '', ...rest] = given.split('/')
  return parseRepo(HUBS.includes(first.toLowerCase()) ? rest.join('/') : given)
}

function parseUrl(text: string, hubUrl: string): Reference {
  if (!URL.canParse(text)) throw refused(text)
  const url = new URL(text)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw invalid(`${url.protocol} is not supported: give an https URL`)
  }
  // It would end up in manifests and logs.
  if (url.username !== '' || url.password !== '') throw invalid('give no password in the URL')
  const hub = URL.canParse(hubUrl) ? new URL(hubUrl).host : ''
  if (HUBS.includes(url.host) || url.host === hub) {
    const path = decodeURIComponent(url.pathname).replace(/^\/|\/$/gu, '')
    const match = /^([^/]+\/[^/]+)(?:\/(?:resolve|blob)\/([^/]+)\/(.+))?$/u.exec(path)
    const isFile = match?.[3] === undefined && /\.gguf$/iu.test(path)
    if (match?.[1] !== undefined && !isFile) {
      return parseRepo(match[3] === undefined ? match[1] : `${match[1]}/${match[3]}`, match[2])
    }
  }
  if (!/\.gguf$/iu.test(url.pathname)) throw invalid('the URL is not that of a .gguf file')
  return { kind: 'url', url }
}

function parseRepo(text: string, revision?: string): Reference {
  const colon = text.indexOf(':')
  const path = colon < 0 ? text : text.slice(0, colon)
  const quantization = colon < 0 ? undefined : text.slice(colon + 1)
  const [org = '', name = '', ...inside] = path.split('/')
  const file = inside.length === 0 ? undefined : inside.join('/')
  if (
    !SEGMENT.test(org) ||
    !SEGMENT.test(name) ||
    inside.some((segment) => !FILE_SEGMENT.test(segment) || segment.includes('..')) ||
    (file !== undefined && (!/\.gguf$/iu.test(file) || quantization !== undefined)) ||
    (quantization !== undefined && !QUANTIZATION.test(quantization)) ||
    (revision !== undefined && !isRevision(revision))
  ) {
    throw refused(text)
  }
  return { kind: 'hugging-face', repo: `${org}/${name}`, revision, file, quantization }
}

export function isRevision(text: string): boolean {
  return REVISION.test(text) && !text.includes('..')
}

function pathOf(text: string): string {
  try {
    return text.startsWith('file://') ? fileURLToPath(text) : resolve(text.slice('file:'.length))
  } catch {
    throw refused(text)
  }
}

/** A name for what has none of its own: that of the file, without ending and number of the part. */
export function nameOfFile(path: string): string {
  return basename(path)
    .replace(/\.gguf$/iu, '')
    .replace(/-\d{5}-of-\d{5}$/u, '')
}

function refused(text: string): HanseError {
  return invalid(
    `${JSON.stringify(text.slice(0, 100))} names no model: use org/repo, org/repo:Q4_K_M, org/repo/file.gguf, https://…/file.gguf or file:path/to/file.gguf`,
  )
}

function invalid(why: string): HanseError {
  return new HanseError('HANSE_REQUEST_INVALID', why)
}
