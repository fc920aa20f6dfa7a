/**
 * Text for the fonts that every PDF reader has, which know the characters of Western Europe only. Others lose their accents
 * or are spelled in Latin letters, as on a bank transfer; the JSON and XML forms have the names as they are.
 */
export function printable(text: string): string {
  return Array.from(text.normalize('NFC'), inFont).join('')
}

/** Windows-1252 beyond Latin-1. */
const EXTRA = new Set('€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ')

const LETTERS: Readonly<Record<string, string>> = {
  ł: 'l',
  Ł: 'L',
  đ: 'd',
  Đ: 'D',
  ħ: 'h',
  Ħ: 'H',
  ı: 'i',
  ŋ: 'n',
  Ŋ: 'N',
  ...paired('αβγδεζηικλμνξοπρστυφωθχψς', 'a v g d e z i i k l m n x o p r s t y f o th ch ps s'),
  ...paired(
    'абвгдежзийклмнопрстуфхцчшщъьюя',
    'a b v g d e zh z i y k l m n o p r s t u f h ts ch sh sht a y yu ya',
  ),
}

function inFont(character: string): string {
  if (isInFont(character)) return character
  const lower = character.toLowerCase()
  const bare = lower.normalize('NFD').replace(/\p{M}/gu, '')
  const latin = LETTERS[character] ?? LETTERS[lower] ?? LETTERS[bare] ?? bare
  if (!Array.from(latin).every(isInFont)) return '?'
  if (character === lower) return latin
  return `${latin.slice(0, 1).toUpperCase()}${latin.slice(1)}`
}

function isInFont(character: string): boolean {
  const code = character.codePointAt(0) ?? 0
  return (
    character === '\n' ||
    (code >= 0x20 && code < 0x7f) ||
    (code >= 0xa0 && code <= 0xff) ||
    EXTRA.has(character)
  )
}

function paired(letters: string, latin: string): Record<string, string> {
  const spelled = latin.split(' ')
  return Object.fromEntries(Array.from(letters, (letter, i) => [letter, spelled[i] ?? '?']))
}
