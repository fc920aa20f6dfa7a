/** Longer text in a log line is cut: an engine's error page of a megabyte helps nobody. */
const TEXT_MAX = 2_000
/** Deeper facts are left out; ours have two levels, and a stranger's object could have thousands. */
const DEPTH_MAX = 4
/** More entries of one object or list are left out. */
const ENTRIES_MAX = 64

/** Names of facts that are secret wherever they stand. */
const SECRET = /^(?:.*(?:api_?key|password|secret|private_?key|seed)|authorization|cookie|token)$/iu
/** Names of facts that may hold what a consumer asked or was answered. */
const CONTENT =
  /^(?:prompt|messages|content|body|payload|chunk|choices|delta|input|completion|enginemessage)$/iu

// JSON.parse quotes what it could not read, which may be a piece of a prompt.
const JSON_QUOTE = /(?:\.\.\.)?"[\s\S]{0,80}"(?:\.\.\.)? is not valid JSON/gu

/** Text without what JSON.parse quotes in its errors, cut to a length that fits a log. */
export function scrubText(text: string): string {
  const scrubbed = text.replace(JSON_QUOTE, '[…] is not valid JSON')
  return scrubbed.length > TEXT_MAX
    ? `${scrubbed.slice(0, TEXT_MAX)}… (${scrubbed.length} characters)`
    : scrubbed
}

/** Facts of a log line, without secrets, prompts and answers. */
export function scrubFacts(facts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { req, res, ...others } = facts
  return {
    // Of an HTTP server's own objects only this much is ever told.
    ...(isObject(req) ? { req: { method: req.method, url: scrubText(String(req.url)) } } : {}),
    ...(isObject(res) ? { res: { statusCode: res.statusCode } } : {}),
    ...scrubObject(others, 0),
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

function scrubObject(object: object, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(object)
      .slice(0, ENTRIES_MAX)
      .map(([name, value]) => [
        name,
        isHidden(name, value) ? '[hidden]' : scrubValue(value, depth),
      ]),
  )
}

/** Counts may have such a name too, and tell nothing. */
const isHidden = (name: string, value: unknown): boolean =>
  (typeof value === 'string' || typeof value === 'object') &&
  (SECRET.test(name) || CONTENT.test(name))

function scrubValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return scrubText(value)
  // JSON has no such numbers, and amounts must not be rounded.
  if (typeof value === 'bigint') return value.toString()
  if (typeof value === 'function' || typeof value === 'symbol') return undefined
  if (typeof value !== 'object' || value === null) return value
  if (depth >= DEPTH_MAX) return '[deep]'
  if (value instanceof Error) return scrubError(value, depth)
  // Bytes may be anything, keys included.
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (Array.isArray(value))
    return value.slice(0, ENTRIES_MAX).map((item) => scrubValue(item, depth + 1))
  return scrubObject(value, depth + 1)
}

/** Only what our own errors and Node's say of themselves: other properties may hold anything. */
function scrubError(error: Error, depth: number): Record<string, unknown> {
  return {
    type: error.name,
    ...('code' in error ? { code: scrubValue(error.code, depth + 1) } : {}),
    message: scrubText(error.message),
    ...(error.cause === undefined ? {} : { cause: scrubValue(error.cause, depth + 1) }),
    // The first lines of a stack repeat the message; where it happened comes after them.
    ...(error.stack === undefined ? {} : { at: framesOf(error.stack) }),
  }
}

function framesOf(stack: string): string[] {
  const frames = stack.split('\n').filter((line) => /^\s+at /u.test(line))
  return frames.slice(0, 8).map((line) => line.trim().slice(3))
}
