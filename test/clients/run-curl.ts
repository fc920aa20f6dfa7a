import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

/** `undefined` where curl is not installed. */
export const CURL_VERSION: string | undefined = spawnSync('curl', ['--version'], {
  encoding: 'utf8',
}).stdout?.split(' ', 2)[1]

export interface CurlAnswer {
  /** Of curl itself: 0 when the answer came whole, by what HTTP says. */
  readonly exit: number | null
  readonly status: number
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, readonly string[]>>
  readonly body: string
}

export interface CurlRequest {
  readonly body?: object
  readonly key?: string
  readonly flags?: readonly string[]
}

/** What curl prints of an answer besides its body. */
const TOLD = '%{stderr}%{http_code} %{header_json}'

/** Runs curl to its end. */
export async function curl(url: string, request: CurlRequest = {}): Promise<CurlAnswer> {
  const child = startCurl(url, {
    ...request,
    flags: ['--write-out', TOLD, ...(request.flags ?? [])],
  })
  let body = ''
  let told = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    body += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    told += text
  })
  const [exit] = (await once(child, 'close')) as [number | null]
  const headers = told.slice(told.indexOf('{'))
  return {
    exit,
    status: Number(told.slice(0, 3)),
    headers: headers.startsWith('{') ? (JSON.parse(headers) as CurlAnswer['headers']) : {},
    body,
  }
}

/** curl as it runs; its output is unbuffered. Whoever starts it has to see to its end. */
export function startCurl(
  url: string,
  { body, key, flags = [] }: CurlRequest,
): ChildProcessWithoutNullStreams {
  const args = ['--silent', '--no-buffer', '--noproxy', '*', ...flags]
  if (key !== undefined) args.push('--header', `authorization: Bearer ${key}`)
  if (body !== undefined)
    args.push('--header', 'content-type: application/json', '--data-binary', '@-')
  // -q has to come first: whatever the user's own settings say.
  const child = spawn('curl', ['-q', ...args, url])
  // One that ends before it has read all is told apart by its exit code.
  child.stdin.on('error', () => {})
  child.stdin.end(body === undefined ? '' : JSON.stringify(body))
  return child
}
