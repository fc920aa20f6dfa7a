import { parseExactJson as parse } from '../costs/exact-json.ts'

/** JSON whose numbers are texts, as they stood there: no digit of a price is lost. */
export type ExactJson = string | boolean | null | readonly ExactJson[] | ExactObject
export interface ExactObject {
  readonly [key: string]: ExactJson | undefined
}

/** @throws {SyntaxError} when it is not JSON; {RangeError} when it is nested more deeply than the stack is */
export const parseExactJson = (text: string): ExactJson => parse(text) as ExactJson

export const isObject = (value: ExactJson | undefined): value is ExactObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const listOf = (value: ExactJson | undefined): readonly ExactJson[] =>
  Array.isArray(value) ? value : []
