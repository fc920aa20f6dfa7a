import { HanseError } from '@hanse/protocol'
import { z } from 'zod'
import type { RemoteFile } from './choose-files.ts'
import {
  downloadFault,
  faultOfStatus,
  get,
  type HostToken,
  readJson,
  retryAfterMs,
} from './http.ts'
import type { Licence } from './licence.ts'
import { delayMs, RETRY_AFTER_MAX_MS, type RetryOptions, sleepFor, TRIES_MAX } from './retry.ts'

/** What a hub tells of a repository at one commit. */
export interface HubModel {
  readonly repo: string
  /** Commit: what is pulled by it cannot change. */
  readonly revision: string
  readonly licence: Licence
  readonly gated: boolean
  readonly files: readonly RemoteFile[]
}

/** Descriptions of repositories with thousands of files are some megabytes. */
const JSON_BYTES_MAX = 16 << 20
/** A thousand files a page. */
const PAGES_MAX = 20
const ANSWER_TIMEOUT_MS = 30_000

const strings = z
  .union([z.string(), z.array(z.string())])
  .nullish()
  .catch(null)
const modelSchema = z.object({
  id: z.string().max(256),
  sha: z.string().regex(/^[0-9a-f]{7,64}$/u),
  gated: z.union([z.boolean(), z.string()]).nullish(),
  tags: z.array(z.string()).catch([]),
  cardData: z
    .object({ license: strings, license_name: strings, license_link: strings })
    .nullish()
    .catch(null),
})
const treeSchema = z.array(
  z.object({
    type: z.string(),
    path: z.string().max(1024),
    size: z.number().nonnegative(),
    lfs: z.object({ oid: z.string(), size: z.number().nonnegative() }).nullish().catch(null),
  }),
)

/** Hugging Face's API, or that of a mirror. */
export class HuggingFace {
  readonly #base: URL
  readonly #token: HostToken | undefined
  readonly #retry: RetryOptions

  /** @throws {HanseError} HANSE_CONFIG_INVALID for a token that would travel in the clear */
  constructor(baseUrl: string, token: string | undefined, retry: RetryOptions = {}) {
    this.#base = new URL(baseUrl)
    if (
      token !== undefined &&
      this.#base.protocol === 'http:' &&
      !isLoopback(this.#base.hostname)
    ) {
      throw new HanseError(
        'HANSE_CONFIG_INVALID',
        'a token is sent over https only: change --hf-url',
      )
    }
    this.#token = token === undefined ? undefined : { origin: this.#base.origin, value: token }
    this.#retry = retry
  }

  get token(): HostToken | undefined {
    return this.#token
  }

  /** @throws {HanseError} HANSE_MODEL_DOWNLOAD, HANSE_MODEL_GATED */
  async model(repo: string, revision?: string, signal?: AbortSignal): Promise<HubModel> {
    const at = revision === undefined ? '' : `/revision/${encodeURIComponent(revision)}`
    const { body } = await this.#ask(this.#url(`api/models/${repo}${at}`), repo, signal)
    const model = modelSchema.safeParse(body)
    if (!model.success) throw downloadFault(`${repo}: the hub answers in another language`)
    const { sha, gated, tags, cardData } = model.data
    return {
      repo,
      revision: sha,
      gated: gated !== undefined && gated !== null && gated !== false,
      licence: licenceOf(cardData, tags, this.#url(repo).href),
      files: await this.#files(repo, sha, signal),
    }
  }

  /** Where a file of a commit lies. */
  fileUrl(repo: string, revision: string, path: string): URL {
    const escaped = path.split('/').map(encodeURIComponent).join('/')
    return this.#url(`${repo}/resolve/${revision}/${escaped}`)
  }

  async #files(repo: string, revision: string, signal?: AbortSignal): Promise<RemoteFile[]> {
    const files: RemoteFile[] = []
    let next: URL | undefined = this.#url(`api/models/${repo}/tree/${revision}?recursive=true`)
    for (let page = 0; next !== undefined && page < PAGES_MAX; page++) {
      const { body, link }: { body: unknown; link: string | null } = await this.#ask(
        next,
        repo,
        signal,
      )
      const tree = treeSchema.safeParse(body)
      if (!tree.success) throw downloadFault(`${repo}: the hub answers in another language`)
      for (const { type, path, size, lfs } of tree.data) {
        if (type !== 'file') continue
        const sha256 = lfs != null && /^[0-9a-f]{64}$/u.test(lfs.oid) ? lfs.oid : undefined
        files.push({ path, sizeBytes: lfs?.size ?? size, sha256 })
      }
      next = this.#nextPage(link)
    }
    return files
  }

  /** The next page, when it is on the same host: a token goes with the question. */
  #nextPage(link: string | null): URL | undefined {
    const target = /<([^>]+)>;\s*rel="next"/u.exec(link ?? '')?.[1]
    if (target === undefined || !URL.canParse(target, this.#base.href)) return undefined
    const url = new URL(target, this.#base)
    return url.origin === this.#base.origin ? url : undefined
  }

  async #ask(
    url: URL,
    what: string,
    signal: AbortSignal | undefined,
  ): Promise<{ body: unknown; link: string | null }> {
    const { sleep = sleepFor, triesMax = TRIES_MAX } = this.#retry
    for (let failures = 1; ; failures++) {
      let wait = delayMs(failures, this.#retry)
      let why: unknown
      try {
        const timeout = AbortSignal.timeout(ANSWER_TIMEOUT_MS)
        const response = await get(url, {
          token: this.#token,
          signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
        })
        if (response.ok) {
          return {
            body: await readJson(response, JSON_BYTES_MAX),
            link: response.headers.get('link'),
          }
        }
        await response.body?.cancel()
        const fault = faultOfStatus(response.status, what, this.#token !== undefined)
        if (fault !== undefined) throw fault
        why = `the hub answers ${response.status}`
        wait = retryAfterMs(response.headers.get('retry-after'), Date.now()) ?? wait
      } catch (error) {
        signal?.throwIfAborted()
        if (error instanceof HanseError) throw error
        why = reasonOf(error)
      }
      if (failures >= triesMax || wait > RETRY_AFTER_MAX_MS) {
        throw new HanseError('HANSE_MODEL_DOWNLOAD', `${what}: ${String(why)}`, {
          retryAfterMs: wait,
        })
      }
      await sleep(wait, signal)
    }
  }

  #url(path: string): URL {
    return new URL(path, this.#base.href.replace(/\/*$/u, '/'))
  }
}

/** Why a request failed: `fetch` hides it in the cause. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (!(cause instanceof Error)) return error.message
  const inner = cause instanceof AggregateError ? (cause.errors[0] as unknown) : cause
  return inner instanceof Error ? inner.message : cause.message
}

function licenceOf(
  card: z.output<typeof modelSchema>['cardData'],
  tags: readonly string[],
  page: string,
): Licence {
  const named = one(card?.license_name)
  const base = one(card?.license) ?? tags.find((tag) => tag.startsWith('license:'))?.slice(8)
  // A licence of the publisher's own is `other`, with a name beside it.
  const name = base === undefined || base === 'other' ? (named ?? base) : base
  const link = one(card?.license_link)
  const isLink = link !== undefined && /^https?:\/\//u.test(link) && URL.canParse(link)
  return { name: name === undefined ? null : name.slice(0, 100), link: isLink ? link : page }
}

function one(value: string | string[] | null | undefined): string | undefined {
  const first = Array.isArray(value) ? value[0] : value
  return first === undefined || first === null || first === '' ? undefined : first
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/u.test(host)
}
