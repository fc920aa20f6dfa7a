import { utf8 } from '../wire.ts'

const NOTHING = new Uint8Array(0)
const [TAB, LINE_FEED, CARRIAGE_RETURN, SPACE] = [0x09, 0x0a, 0x0d, 0x20]
const [QUOTE, PLUS, COMMA, MINUS, DOT, ZERO, COLON] = [0x22, 0x2b, 0x2c, 0x2d, 0x2e, 0x30, 0x3a]
const [OPEN_ARRAY, BACKSLASH, CLOSE_ARRAY] = [0x5b, 0x5c, 0x5d]
const [OPEN_OBJECT, CLOSE_OBJECT] = [0x7b, 0x7d]
/** The bit between an upper-case letter of ASCII and its lower-case one. */
const LOWER = 0x20
const [LOWER_E, LOWER_U] = [0x65, 0x75]
const SIMPLE_ESCAPES = utf8('"\\/bfnrt')
const NULL = utf8('null')
const TRUE = utf8('true')
const FALSE = utf8('false')

const CHOICES = utf8('choices')
const USAGE = utf8('usage')
const ERROR = utf8('error')
const DELTA = utf8('delta')
const TEXT = utf8('text')
const FINISH_REASON = utf8('finish_reason')
const LOGPROBS = utf8('logprobs')
const TOOL_CALLS = utf8('tool_calls')
const FUNCTION_CALL = utf8('function_call')
const SHOWN_FIELDS = ['content', 'reasoning', 'reasoning_content', 'refusal'].map(utf8)

/** Chunks of a token are a tenth of it. */
const LIKE_BYTES_MAX = 4096

/** The characters of ASCII that stand for themselves in a text. */
const IS_PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= SPACE && byte < 0x80 && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
)

/** Nesting below a member that is skipped; what an engine nests deeper is left to a parser. */
const DEPTH_MAX = 16

/**
 * Reads off an OpenAI chunk how much text it shows, without making objects of it.
 *
 * Both sides need it of every chunk, and parsing one takes 0.9 µs where this takes 0.3 µs. It knows JSON as it comes from
 * engines, and gives up on anything that is not certain to mean the same to `JSON.parse`: names that come twice or are
 * escaped, tool calls, surrogates, bytes that are no UTF-8. Whoever calls it parses those. What it does accept is well-formed
 * UTF-8 and valid JSON, and means what a parser makes of it.
 */
export class ChunkScanner {
  /** Bytes of text that the chunk of the last `scan` adds to the answer, in UTF-8. */
  shownBytes = 0
  /** Of the choices in it, those that show something. */
  speaking = 0
  /** Whether it holds text alone: no usage, no error, no log probabilities, and no reason to finish. */
  isPlain = true

  #bytes: Uint8Array = NOTHING
  #at = 0
  #end = 0
  #keyFrom = 0
  #keyTo = 0
  /** Bytes that the last text has more than what it says. */
  #escapedAway = 0
  /** Whether nothing of the object or list at hand has been read. */
  #isFirst = false
  #failed = false
  #textsShown = 0
  /** The last chunk that was read, when it shows one text; that lies between these places. */
  readonly #like = new Uint8Array(LIKE_BYTES_MAX)
  #likeLength = 0
  #textFrom = 0
  #textTo = 0

  /** @returns whether the chunk could be read; only then do the fields say anything */
  scan(chunk: Uint8Array): boolean {
    this.#bytes = chunk
    this.#end = chunk.byteLength
    this.shownBytes = 0
    if (this.#isLike()) {
      this.speaking = this.shownBytes > 0 ? 1 : 0
      return true
    }
    this.shownBytes = 0
    this.speaking = 0
    this.isPlain = true
    this.#at = 0
    this.#failed = false
    this.#textsShown = 0
    this.#likeLength = 0
    this.#space()
    const read = this.#chunk()
    this.#space()
    const isWhole = read && this.#at === this.#end
    if (isWhole) this.#remember(chunk)
    return isWhole
  }

  #remember(chunk: Uint8Array): void {
    const isOneText = this.#textsShown === 1 && chunk.byteLength <= this.#like.byteLength
    this.#likeLength = isOneText ? chunk.byteLength : 0
    // A copy, for its owner may write other bytes into it.
    if (isOneText) this.#like.set(chunk)
  }

  /**
   * Whether the chunk differs from the one before in the text that it shows and nowhere else, as chunks of one answer do:
   * the same bytes up to a text and after it are the same JSON around it. Three times as fast as reading it all.
   */
  #isLike(): boolean {
    const bytes = this.#bytes
    const like = this.#like
    const after = this.#end - this.#likeLength
    if (this.#likeLength === 0 || this.#end < this.#textFrom) return false
    for (let i = 0; i < this.#textFrom; i++) if (bytes[i] !== like[i]) return false
    for (let i = this.#likeLength - 1; i >= this.#textTo; i--) {
      if (bytes[i + after] !== like[i]) return false
    }
    this.#at = this.#textFrom - 1
    return this.#shownText() && this.#at === this.#textTo + after + 1
  }

  #chunk(): boolean {
    if (!this.#enters(OPEN_OBJECT)) return false
    let choices = 0
    while (this.#nextMember()) {
      if (this.#keyIs(CHOICES)) {
        if (choices++ > 0 || !this.#choices()) return false
      } else if (this.#keyIs(USAGE) || this.#keyIs(ERROR)) {
        if (!this.#nullOr()) return false
      } else if (!this.#value(0)) return false
    }
    return !this.#failed && choices === 1
  }

  #choices(): boolean {
    if (!this.#enters(OPEN_ARRAY)) return false
    while (this.#nextItem()) {
      const before = this.shownBytes
      if (!this.#choice()) return false
      if (this.shownBytes > before) this.speaking++
    }
    return !this.#failed
  }

  #choice(): boolean {
    if (!this.#enters(OPEN_OBJECT)) return false
    let deltas = 0
    let texts = 0
    while (this.#nextMember()) {
      if (this.#keyIs(DELTA)) {
        if (deltas++ > 0) return false
        if (this.#bytes[this.#at] !== OPEN_OBJECT ? !this.#value(0) : !this.#delta()) return false
      } else if (this.#keyIs(TEXT)) {
        if (texts++ > 0 || !this.#shown()) return false
      } else if (this.#keyIs(FINISH_REASON) || this.#keyIs(LOGPROBS)) {
        if (!this.#nullOr()) return false
      } else if (!this.#value(0)) return false
    }
    return !this.#failed
  }

  #delta(): boolean {
    if (!this.#enters(OPEN_OBJECT)) return false
    let seen = 0
    while (this.#nextMember()) {
      const field = this.#shownField()
      if (field >= 0) {
        if ((seen & (1 << field)) !== 0 || !this.#shown()) return false
        seen |= 1 << field
      } else if (this.#keyIs(TOOL_CALLS) || this.#keyIs(FUNCTION_CALL)) {
        if (!this.#literal(NULL)) return false
      } else if (!this.#value(0)) return false
    }
    return !this.#failed
  }

  #shownField(): number {
    for (let i = 0; i < SHOWN_FIELDS.length; i++) {
      if (this.#keyIs(SHOWN_FIELDS[i] ?? NOTHING)) return i
    }
    return -1
  }

  /** Something that makes a chunk more than text, unless it is null. */
  #nullOr(): boolean {
    if (this.#bytes[this.#at] === NULL[0]) return this.#literal(NULL)
    this.isPlain = false
    return this.#value(0)
  }

  /** A value that is shown when it is a text. */
  #shown(): boolean {
    if (this.#bytes[this.#at] !== QUOTE) return this.#value(0)
    this.#textFrom = this.#at + 1
    this.#textsShown++
    if (!this.#shownText()) return false
    this.#textTo = this.#at - 1
    return true
  }

  #shownText(): boolean {
    const before = this.#at
    if (!this.#text()) return false
    this.shownBytes += this.#at - before - 2 - this.#escapedAway
    return true
  }

  /** Moves past a text of whole characters. */
  #text(): boolean {
    const bytes = this.#bytes
    const end = this.#end
    let at = this.#at + 1
    let escapedAway = 0
    for (;;) {
      while (at < end && IS_PLAIN[bytes[at] ?? 0] === 1) at++
      if (at >= end) return false
      const byte = bytes[at] ?? 0
      if (byte === QUOTE) {
        this.#at = at + 1
        this.#escapedAway = escapedAway
        return true
      }
      const isEscape = byte === BACKSLASH
      const length = isEscape ? this.#escape(at) : utf8SequenceLength(bytes, at, end)
      if (length === 0) return false
      if (isEscape) escapedAway += length === 2 ? 1 : 6 - this.#unicodeEscapeBytes(at)
      at += length
    }
  }

  /** Bytes of the escape at `at`; 0 when it is none, or half of a pair. */
  #escape(at: number): number {
    const kind = this.#bytes[at + 1] ?? 0
    if (SIMPLE_ESCAPES.includes(kind)) return 2
    if (kind !== LOWER_U || at + 6 > this.#end) return 0
    const unit = this.#unit(at)
    return unit < 0 || (unit >= 0xd800 && unit < 0xe000) ? 0 : 6
  }

  #unicodeEscapeBytes(at: number): number {
    const unit = this.#unit(at)
    return unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3
  }

  /** The code unit of `\uXXXX`; negative when a digit is none. */
  #unit(at: number): number {
    let unit = 0
    for (let i = 2; i < 6; i++) {
      const digit = hexDigit(this.#bytes[at + i] ?? 0)
      if (digit < 0) return -1
      unit = unit * 16 + digit
    }
    return unit
  }

  /** Any value, at the first byte of it. */
  #value(depth: number): boolean {
    switch (this.#bytes[this.#at] ?? 0) {
      case QUOTE:
        return this.#text()
      case OPEN_OBJECT:
        if (depth >= DEPTH_MAX || !this.#enters(OPEN_OBJECT)) return false
        while (this.#nextMember()) if (!this.#value(depth + 1)) return false
        return !this.#failed
      case OPEN_ARRAY:
        if (depth >= DEPTH_MAX || !this.#enters(OPEN_ARRAY)) return false
        while (this.#nextItem()) if (!this.#value(depth + 1)) return false
        return !this.#failed
      case NULL[0]:
        return this.#literal(NULL)
      case TRUE[0]:
        return this.#literal(TRUE)
      case FALSE[0]:
        return this.#literal(FALSE)
      default:
        return this.#number()
    }
  }

  #literal(expected: Uint8Array): boolean {
    for (let i = 0; i < expected.byteLength; i++) {
      if (this.#bytes[this.#at + i] !== expected[i]) return false
    }
    this.#at += expected.byteLength
    return this.#at <= this.#end
  }

  #number(): boolean {
    if (this.#bytes[this.#at] === MINUS) this.#at++
    const from = this.#at
    if (!this.#digits()) return false
    if (this.#bytes[from] === ZERO && this.#at > from + 1) return false
    if (this.#bytes[this.#at] === DOT) {
      this.#at++
      if (!this.#digits()) return false
    }
    if (((this.#bytes[this.#at] ?? 0) | LOWER) !== LOWER_E) return true
    this.#at++
    const sign = this.#bytes[this.#at]
    if (sign === PLUS || sign === MINUS) this.#at++
    return this.#digits()
  }

  /** At least one digit. */
  #digits(): boolean {
    const from = this.#at
    while (isDigit(this.#bytes[this.#at] ?? 0)) this.#at++
    return this.#at > from
  }

  #enters(open: number): boolean {
    if (this.#bytes[this.#at] !== open) return false
    this.#at++
    this.#isFirst = true
    return true
  }

  /** Moves to the value of the next member, with its name at hand; false at the end of the object, or of what is JSON. */
  #nextMember(): boolean {
    if (!this.#nextItem(CLOSE_OBJECT)) return false
    if (this.#bytes[this.#at] !== QUOTE || !this.#key()) return this.#fail()
    this.#space()
    if (this.#bytes[this.#at] !== COLON) return this.#fail()
    this.#at++
    this.#space()
    return true
  }

  /** A name of plain ASCII; one with an escape in it may be any name, and is left to a parser. */
  #key(): boolean {
    const from = this.#at + 1
    let at = from
    while (at < this.#end && IS_PLAIN[this.#bytes[at] ?? 0] === 1) at++
    if (at >= this.#end || this.#bytes[at] !== QUOTE) return false
    this.#keyFrom = from
    this.#keyTo = at
    this.#at = at + 1
    return true
  }

  /** Moves to the next item; false at the end of the list, or of what is JSON. */
  #nextItem(close = CLOSE_ARRAY): boolean {
    const isFirst = this.#isFirst
    this.#isFirst = false
    this.#space()
    const byte = this.#bytes[this.#at]
    if (byte === close) {
      this.#at++
      return false
    }
    if (isFirst) return true
    if (byte !== COMMA) return this.#fail()
    this.#at++
    this.#space()
    return true
  }

  #fail(): false {
    this.#failed = true
    return false
  }

  #keyIs(name: Uint8Array): boolean {
    const length = this.#keyTo - this.#keyFrom
    if (length !== name.byteLength) return false
    for (let i = 0; i < length; i++) if (this.#bytes[this.#keyFrom + i] !== name[i]) return false
    return true
  }

  #space(): void {
    for (;;) {
      const byte = this.#bytes[this.#at]
      if (byte !== SPACE && byte !== LINE_FEED && byte !== CARRIAGE_RETURN && byte !== TAB) return
      this.#at++
    }
  }
}

/** Bytes of the UTF-8 sequence at `at`, which begins with no ASCII; 0 when it is malformed (Unicode, table 3-7). */
function utf8SequenceLength(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at] ?? 0
  const length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0
  if (at + length > end) return 0
  const second = bytes[at + 1] ?? 0
  // Neither too long a form, nor a surrogate, nor beyond the last code point.
  const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  if (second < least || second > most) return 0
  for (let i = 2; i < length; i++) if (((bytes[at + i] ?? 0) & 0xc0) !== 0x80) return 0
  return length
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= ZERO + 9
}

/** The value of a hexadecimal digit; negative for another byte. */
function hexDigit(byte: number): number {
  if (isDigit(byte)) return byte - ZERO
  const letter = (byte | LOWER) - 0x61
  return letter >= 0 && letter < 6 ? letter + 10 : -1
}
