import { NAMED } from './operation-names.ts'

/** Last parts of a path that say what is done, not what it is done to. */
const VERBS: ReadonlySet<string> = new Set([
  'accept',
  'acknowledge',
  'activate',
  'approve',
  'cancel',
  'check',
  'close',
  'confirm',
  'contest',
  'disable',
  'enable',
  'import',
  'purge',
  'reject',
  'release',
  'replay',
  'resend',
  'resolve',
  'resume',
  'revoke',
  'rotate',
  'show',
  'test',
  'unsubscribe',
  'verify',
  'waive',
])

const METHODS: Readonly<Record<string, string>> = {
  GET: 'get',
  POST: 'create',
  PUT: 'set',
  PATCH: 'update',
  DELETE: 'delete',
}

/**
 * What clients call an operation: `listBudgets`, `getBudget`, `rotateKey`; those of operators have `Admin` in it. By a rule, so
 * that like is called alike; a change of a name breaks clients, as a change of a path does.
 *
 * @param path with parameters in braces
 */
export function operationIdOf(method: string, path: string): string {
  return NAMED[`${method} ${path}`]?.[0] ?? derived(method, path)
}

function derived(method: string, path: string): string {
  const parts = path.replace(/^\/(?:v1\/)?/u, '').split('/')
  const last = parts.at(-1) ?? ''
  const isVerb = method !== 'GET' && VERBS.has(last)
  const nouns = (isVerb ? parts.slice(0, -1) : parts).flatMap((part, i, all) =>
    isParameter(part) ? [] : [isOneOf(all, i) ? singular(part) : part],
  )
  if (isVerb) return camel([last, ...nouns.slice(0, -1), singular(nouns.at(-1) ?? '')])
  if (method === 'GET') {
    const isList = !isParameter(last) && singular(last) !== last
    return camel([isList ? 'list' : 'get', ...nouns])
  }
  return camel([METHODS[method] ?? method, ...nouns.slice(0, -1), singular(nouns.at(-1) ?? '')])
}

const isParameter = (part: string): boolean => part.startsWith('{')

/** A noun that a parameter follows is of one thing. */
const isOneOf = (parts: readonly string[], at: number): boolean =>
  isParameter(parts[at + 1] ?? '') || at < parts.length - 1

function singular(noun: string): string {
  if (noun.endsWith('ies')) return `${noun.slice(0, -3)}y`
  return /[^s]s$/u.test(noun) && !noun.endsWith('access') ? noun.slice(0, -1) : noun
}

const camel = (words: readonly string[]): string =>
  words
    .flatMap((word) => word.split('-'))
    .map((word, i) => (i === 0 ? word : `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`))
    .join('')

/** In one line what it does: `List budgets`. */
export const summaryOf = (method: string, path: string): string =>
  NAMED[`${method} ${path}`]?.[1] ?? wordsOf(operationIdOf(method, path))

const wordsOf = (operationId: string): string => {
  const words = operationId
    .replace('Admin', '')
    .replaceAll(/([a-z\d])([A-Z])/gu, '$1 $2')
    .toLowerCase()
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}`
}
