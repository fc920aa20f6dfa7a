/** What a licence means for somebody who sells answers of the model. */
export type LicenceKind = 'open' | 'conditions' | 'non-commercial' | 'unknown'

export interface Licence {
  /** As its source names it, such as `apache-2.0`; `null` when it names none. */
  readonly name: string | null
  readonly link: string | null
}

const OPEN = new Set([
  'apache-2.0',
  'mit',
  'bsd',
  'bsd-2-clause',
  'bsd-3-clause',
  'bsd-3-clause-clear',
  'isc',
  'unlicense',
  'cc0-1.0',
  'cc-by-4.0',
  'cc-by-3.0',
  'cc-by-2.0',
  'zlib',
  'wtfpl',
  'artistic-2.0',
  'mpl-2.0',
  'ecl-2.0',
  'bsl-1.0',
  'odc-by',
  'cdla-permissive-2.0',
  'pddl',
])
const NON_COMMERCIAL = /(?:^|[-_ ])nc(?:[-_ ]|$)|non-?commercial|research-only|academic|mrl\b/iu
/** Allow business with conditions: a size of the company, uses that are forbidden, a name to show. */
const CONDITIONS =
  /^(?:llama|gemma|openrail|bigscience|creativeml|bigcode|deepseek|qwen|tongyi|falcon|yi-|nvidia|exaone|lfm|hunyuan|minimax|stabilityai|cc-by-sa|gpl|lgpl|agpl)/iu

export function kindOfLicence(name: string | null): LicenceKind {
  if (name === null || name === '' || /^(?:other|unknown)$/iu.test(name)) return 'unknown'
  if (NON_COMMERCIAL.test(name)) return 'non-commercial'
  if (OPEN.has(name.toLowerCase())) return 'open'
  return CONDITIONS.test(name) ? 'conditions' : 'unknown'
}

/** What an owner should think of before selling, or `undefined` where there is nothing. */
export function warningOf(kind: LicenceKind): string | undefined {
  switch (kind) {
    case 'open':
      return undefined
    case 'conditions':
      return 'This licence allows business on conditions: read it before you sell answers of this model.'
    case 'non-commercial':
      return 'This licence forbids commercial use: selling answers of this model would break it.'
    case 'unknown':
      return 'It is not known whether this licence allows business: read it before you sell answers of this model.'
  }
}
