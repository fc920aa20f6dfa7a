type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown
// The third argument (ECMAScript 2026, in Node since 21) is not in the compiler's library yet.
const parse = JSON.parse as (text: string, reviver: Reviver) => unknown

/**
 * JSON with every number as the text that was written: 1.25e-06 stays so, and is never the nearest double.
 *
 * @throws {SyntaxError}
 */
export const parseExactJson = (text: string): unknown =>
  parse(text, (_key, value, { source }) => (typeof value === 'number' ? source : value))
