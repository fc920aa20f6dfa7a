/** What a look at the bytes of a chunk tells, without reading it as JSON. */
export const CHUNK = {
  /** It has `choices`. */
  choices: 1,
  /** They are empty: it carries usage, if anything. */
  noChoices: 2,
  /** A choice ends with it. */
  finish: 4,
  /** It may be an error. */
  error: 8,
  /** It has line ends: as an event it would be several. */
  lines: 16,
} as const

const text = (ascii: string): Uint8Array => new TextEncoder().encode(ascii)
const CHOICES = text('choices"')
const FINISH = text('finish_reason"')
const ERROR = text('error"')
const QUOTE = 0x22
const COLON = 0x3a
const SPACE = 0x20

/**
 * One pass over the bytes. Most chunks are a token of an answer, and need no more than this: a name with its quotes is
 * never part of a text, where quotes have a backslash before them.
 *
 * @param chunk JSON in UTF-8
 */
export function scanChunk(chunk: Uint8Array): number {
  let found = 0
  const end = chunk.byteLength
  for (let at = 0; at < end; at++) {
    const byte = chunk[at] as number
    if (byte === QUOTE) {
      const next = chunk[at + 1]
      if (next === 0x63 /* c */) found |= choicesAt(chunk, at + 1)
      else if (next === 0x66 /* f */) found |= finishAt(chunk, at + 1)
      else if (next === 0x65 /* e */) found |= errorAt(chunk, at + 1)
    } else if (byte === 0x0a || byte === 0x0d) found |= CHUNK.lines
  }
  return found
}

function choicesAt(chunk: Uint8Array, at: number): number {
  const value = valueAfter(chunk, at, CHOICES)
  if (value === -1) return 0
  const inside = chunk[value] === 0x5b /* [ */ ? skipSpace(chunk, value + 1) : -1
  return inside !== -1 && chunk[inside] === 0x5d /* ] */
    ? CHUNK.choices | CHUNK.noChoices
    : CHUNK.choices
}

function finishAt(chunk: Uint8Array, at: number): number {
  const value = valueAfter(chunk, at, FINISH)
  return value !== -1 && chunk[value] === QUOTE ? CHUNK.finish : 0
}

function errorAt(chunk: Uint8Array, at: number): number {
  const value = valueAfter(chunk, at, ERROR)
  return value !== -1 && chunk[value] !== 0x6e /* null */ ? CHUNK.error : 0
}

/** Where the value of this name begins; -1 when it is another name, or no name. */
function valueAfter(chunk: Uint8Array, at: number, name: Uint8Array): number {
  for (let index = 0; index < name.byteLength; index++)
    if (chunk[at + index] !== name[index]) return -1
  const colon = skipSpace(chunk, at + name.byteLength)
  return chunk[colon] === COLON ? skipSpace(chunk, colon + 1) : -1
}

function skipSpace(chunk: Uint8Array, from: number): number {
  let at = from
  while ((chunk[at] ?? QUOTE) <= SPACE) at++
  return at
}
