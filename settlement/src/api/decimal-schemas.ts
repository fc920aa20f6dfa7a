import { z } from 'zod'

/** An exact number in JSON: a string, for a JSON number is read as a double. */
export const decimalText = z
  .string()
  .regex(/^-?\d+(?:\.\d+)?$/u)
  .describe('an exact decimal number, as a string')

export const wholeText = z.string().regex(/^\d+$/u).describe('a whole number, as a string')
