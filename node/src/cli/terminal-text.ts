// Escape sequences move the cursor and worse; bidirectional marks make a line read as another one.
const UNSAFE = /[\p{Control}\p{Format}\p{Zl}\p{Zp}]/gu

/** Text of others, safe to print on a terminal. */
export function clean(text: string): string {
  return text.replace(UNSAFE, '·')
}

// Prose needs line breaks and tabs, and most marks that only its script knows.
const UNSAFE_IN_PROSE = /[^\P{Control}\n\t]|[\u202a-\u202e\u2066-\u2069\p{Zl}\p{Zp}]/gu

/** Prose of others, of one or many lines, safe to print on a terminal. */
export function cleanProse(text: string): string {
  return text.replaceAll('\r', '').replace(UNSAFE_IN_PROSE, '·')
}

/** Columns that `text` takes on a terminal; it holds no escape sequences. */
export function widthOf(text: string): number {
  // Nearly everything is ASCII, which takes no look at its characters.
  if (/^[ -~]*$/u.test(text)) return text.length
  let width = 0
  for (const { segment } of graphemes(text)) width += cellsOf(segment)
  return width
}

/** The longest beginning of `text` that fits; one that was cut ends in `…`. */
export function shorten(text: string, columns: number): string {
  if (columns <= 0) return ''
  if (widthOf(text) <= columns) return text
  let kept = ''
  let width = 0
  for (const { segment } of graphemes(text)) {
    const cells = cellsOf(segment)
    if (width + cells > columns - 1) break
    kept += segment
    width += cells
  }
  return `${kept}…`
}

/** `text` in exactly so many columns, cut or filled with spaces. */
export function pad(text: string, columns: number): string {
  const fitted = shorten(text, columns)
  return fitted + ' '.repeat(Math.max(0, columns - widthOf(fitted)))
}

/** As `pad`, with the spaces before it: for numbers. */
export function padLeft(text: string, columns: number): string {
  const fitted = shorten(text, columns)
  return ' '.repeat(Math.max(0, columns - widthOf(fitted))) + fitted
}

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

function graphemes(text: string): Iterable<{ readonly segment: string }> {
  return segmenter.segment(text)
}

// East Asian wide and fullwidth characters, and pictures (UAX #11, emoji presentation).
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18aff}\u{1b000}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}|\ufe0f/u

function cellsOf(grapheme: string): number {
  if (/^[\p{Mark}\p{Format}]+$/u.test(grapheme)) return 0
  return WIDE.test(grapheme) ? 2 : 1
}
