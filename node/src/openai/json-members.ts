/** One member of a JSON object, where it stands in the bytes: from the quote of its name to the end of its value. */
export interface Member {
  readonly name: string
  readonly from: number
  readonly valueFrom: number
  readonly to: number
}

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const SPACE = 0x20

/**
 * Cuts members out of the top level of a JSON object, or puts other values in their place. All other members keep their
 * bytes: numbers that a double does not hold, escapes, duplicate names.
 *
 * @param json UTF-8 that `JSON.parse` reads as an object
 * @param edits by name: another value, or `undefined` to cut the member out; a value of a name that is not there is added
 * @returns `json` itself when there is nothing to change
 */
export function editMembers(
  json: Uint8Array,
  edits: ReadonlyMap<string, Uint8Array | undefined>,
): Uint8Array {
  if (edits.size === 0) return json
  const members = membersOf(json)
  const missing = [...edits].filter(
    ([name, value]) => value !== undefined && !members.some((member) => member.name === name),
  )
  if (missing.length === 0 && !members.some(({ name }) => edits.has(name))) return json
  const parts: Uint8Array[] = []
  for (const { name, from, valueFrom, to } of members) {
    const value = edits.get(name)
    if (!edits.has(name)) parts.push(json.subarray(from, to))
    else if (value !== undefined) parts.push(concat([json.subarray(from, valueFrom), value]))
  }
  for (const [name, value = EMPTY] of missing)
    parts.push(concat([encoder.encode(`${JSON.stringify(name)}:`), value]))
  return concat([BRACES.subarray(0, 1), ...separated(parts), BRACES.subarray(1)])
}

/** The members of a JSON object, in their order. @param json UTF-8 that `JSON.parse` reads as an object */
export function membersOf(json: Uint8Array): Member[] {
  const members: Member[] = []
  let at = json.indexOf(OPEN_BRACE) + 1
  for (;;) {
    const from = skipSpace(json, at)
    if (json[from] !== QUOTE) return members
    const nameTo = stringEnd(json, from)
    const valueFrom = skipSpace(json, json.indexOf(COLON, nameTo) + 1)
    const to = valueEnd(json, valueFrom)
    const name = JSON.parse(decoder.decode(json.subarray(from, nameTo))) as string
    members.push({ name, from, valueFrom, to })
    const next = skipSpace(json, to)
    if (json[next] !== COMMA) return members
    at = next + 1
  }
}

const EMPTY = new Uint8Array()
const encoder = new TextEncoder()
const decoder = new TextDecoder()
const BRACES = encoder.encode('{}')
const SEPARATOR = encoder.encode(',')

function separated(parts: readonly Uint8Array[]): Uint8Array[] {
  return parts.flatMap((part, index) => (index === 0 ? [part] : [SEPARATOR, part]))
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}

/** JSON's white space is what is not above a space. */
function skipSpace(json: Uint8Array, from: number): number {
  let at = from
  while ((json[at] ?? QUOTE) <= SPACE) at++
  return at
}

/** The end of the string that begins at `from`, behind its quote. */
function stringEnd(json: Uint8Array, from: number): number {
  let at = from + 1
  for (;;) {
    at = json.indexOf(QUOTE, at)
    if (at === -1) return json.byteLength
    let backslashes = 0
    while (json[at - 1 - backslashes] === BACKSLASH) backslashes++
    at++
    if (backslashes % 2 === 0) return at
  }
}

function valueEnd(json: Uint8Array, from: number): number {
  let depth = 0
  let at = from
  while (at < json.byteLength) {
    const byte = json[at]
    if (byte === QUOTE) {
      at = stringEnd(json, at)
      if (depth === 0) return at
      continue
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      // Of the object around it: a number or a word ends here.
      if (depth === 0) return trimmed(json, at)
      depth--
      if (depth === 0) return at + 1
    } else if (byte === COMMA && depth === 0) return trimmed(json, at)
    at++
  }
  return at
}

function trimmed(json: Uint8Array, to: number): number {
  let at = to
  while ((json[at - 1] ?? QUOTE) <= SPACE) at--
  return at
}
