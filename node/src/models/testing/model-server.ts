import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

/** What goes wrong with an answer to a file; the first of the list is for the next request. */
export interface Fault {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Cuts the connection after so many bytes of the body. */
  readonly dropAfter?: number
  /** Answers with the whole file whatever range was asked. */
  readonly ignoreRange?: boolean
  /** Ignores If-Range: sends a range of whatever the file is now. */
  readonly ignoreIfRange?: boolean
  readonly noLength?: boolean
  readonly noEtag?: boolean
  /** Sends nothing after so many bytes, and keeps the connection. */
  readonly hangAfter?: number
  readonly chunkBytes?: number
  readonly chunkEveryMs?: number
}

export interface Seen {
  readonly path: string
  readonly range: string | undefined
  readonly ifRange: string | undefined
  readonly authorization: string | undefined
}

export interface Repo {
  readonly files: Map<string, Buffer>
  gated?: boolean | string
  licence?: string | undefined
  /** What the tree says of a file instead of the truth. */
  readonly digests: Map<string, string>
}

/** Speaks Hugging Face's API and serves files with ranges and tags, as a hub and its store of large files do. */
export class ModelServer implements AsyncDisposable {
  readonly repos = new Map<string, Repo>()
  /** Plain files, by path. */
  readonly files = new Map<string, Buffer>()
  readonly faults: Fault[] = []
  /** Of requests to the API. */
  readonly apiFaults: Fault[] = []
  readonly seen: Seen[] = []
  /** Needed for gated repositories. */
  token: string | undefined
  /** Where `resolve` sends us; the file itself when not set. */
  cdn: ModelServer | undefined
  redirectTo: string | undefined
  pageSize = 1000
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<ModelServer> {
    const server = createServer()
    const self = new ModelServer(server)
    server.on('request', (request, response) => {
      void self.#answer(request, response).catch(() => response.destroy())
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return self
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  repo(name: string, files: Readonly<Record<string, Buffer>>): Repo {
    const repo: Repo = {
      files: new Map(Object.entries(files)),
      licence: 'apache-2.0',
      digests: new Map(),
    }
    this.repos.set(name, repo)
    return repo
  }

  /** Requests for bytes of files, as they came. */
  get downloads(): readonly Seen[] {
    return this.seen.filter(({ path }) => path.endsWith('.gguf'))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url)
    const path = decodeURIComponent(url.pathname)
    const { range, authorization } = request.headers
    const ifRange = request.headers['if-range']
    this.seen.push({ path, range, ifRange: ifRange?.toString(), authorization })
    const api = /^\/api\/models\/([^/]+\/[^/]+)(\/.*)?$/u.exec(path)
    if (api !== null) {
      const fault = this.apiFaults.shift()
      if (fault?.status !== undefined) {
        response.writeHead(fault.status, fault.headers).end()
        return
      }
      this.#api(request, response, api[1] ?? '', api[2] ?? '', url)
      return
    }
    const resolve = /^\/([^/]+\/[^/]+)\/resolve\/[^/]+\/(.+)$/u.exec(path)
    const repo = this.repos.get(resolve?.[1] ?? '')
    if (repo !== undefined && !this.#mayRead(repo, request)) {
      response.writeHead(401).end()
      return
    }
    const file = repo?.files.get(resolve?.[2] ?? '')
    const target = this.redirectTo ?? (file && this.cdn && `${this.cdn.url}/blobs${path}`)
    if (target !== undefined) {
      if (file !== undefined) this.cdn?.files.set(`/blobs${path}`, file)
      response.writeHead(302, { location: target }).end()
      return
    }
    await this.#serve(request, response, file ?? this.files.get(path))
  }

  #mayRead({ gated }: Repo, { headers }: IncomingMessage): boolean {
    return (
      gated === undefined || gated === false || headers.authorization === `Bearer ${this.token}`
    )
  }

  #api(
    request: IncomingMessage,
    response: ServerResponse,
    name: string,
    rest: string,
    url: URL,
  ): void {
    const repo = this.repos.get(name)
    if (repo === undefined) {
      response.writeHead(404).end()
      return
    }
    const json = (value: unknown, headers = {}): void => {
      response.writeHead(200, { 'content-type': 'application/json', ...headers })
      response.end(JSON.stringify(value))
    }
    const sha = 'c0ffee'.padEnd(40, '0')
    if (!rest.startsWith('/tree/')) {
      json({
        id: name,
        sha,
        gated: repo.gated ?? false,
        tags: ['gguf', `license:${repo.licence}`],
        cardData: repo.licence === undefined ? undefined : { license: repo.licence },
        siblings: [...repo.files.keys()].map((rfilename) => ({ rfilename })),
      })
      return
    }
    if (!this.#mayRead(repo, request)) {
      response.writeHead(403).end()
      return
    }
    const from = Number(url.searchParams.get('cursor') ?? 0)
    const all = [...repo.files].map(([path, content]) => ({
      type: 'file',
      path,
      size: content.length,
      oid: 'f00',
      lfs: {
        oid: repo.digests.get(path) ?? sha256(content),
        size: content.length,
        pointerSize: 135,
      },
    }))
    const more = from + this.pageSize < all.length
    const next = `${url.origin}${url.pathname}?recursive=true&cursor=${from + this.pageSize}`
    json(all.slice(from, from + this.pageSize), more ? { link: `<${next}>; rel="next"` } : {})
  }

  async #serve(
    request: IncomingMessage,
    response: ServerResponse,
    content: Buffer | undefined,
  ): Promise<void> {
    const fault = this.faults.shift() ?? {}
    if (fault.status !== undefined || content === undefined) {
      response.writeHead(fault.status ?? 404, fault.headers).end()
      return
    }
    const etag = `"${sha256(content).slice(0, 16)}"`
    const ifRange = request.headers['if-range']
    const asked = /^bytes=(\d+)-$/u.exec(request.headers.range ?? '')?.[1]
    const isRange =
      asked !== undefined &&
      fault.ignoreRange !== true &&
      (ifRange === undefined || ifRange === etag || fault.ignoreIfRange === true)
    const start = isRange ? Number(asked) : 0
    if (start >= content.length && isRange) {
      response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end()
      return
    }
    const body = content.subarray(start)
    response.writeHead(isRange ? 206 : 200, {
      'content-type': 'application/octet-stream',
      ...(fault.noEtag === true ? {} : { etag }),
      ...(fault.noLength === true ? {} : { 'content-length': body.length }),
      ...(isRange
        ? { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }
        : {}),
      ...fault.headers,
    })
    const { chunkBytes = 65_536, chunkEveryMs = 0 } = fault
    for (let at = 0; at < body.length; at += chunkBytes) {
      const end = Math.min(at + chunkBytes, fault.dropAfter ?? fault.hangAfter ?? body.length)
      if (at < end && !response.write(body.subarray(at, end))) await drained(response)
      if (response.destroyed) return
      if (end < at + chunkBytes && end < body.length) {
        if (fault.hangAfter !== undefined) return
        // What was written still reaches the other side.
        await wait(50)
        response.destroy()
        return
      }
      if (chunkEveryMs > 0) await wait(chunkEveryMs)
    }
    response.end()
  }
}

export function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

async function drained(response: ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => {
    const go = (): void => {
      response.off('drain', go).off('close', go)
      resolve()
    }
    response.on('drain', go).on('close', go)
  })
}
