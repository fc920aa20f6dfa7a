import { z } from 'zod'

const camel = (key: string): string =>
  key.replace(/[_-]([a-z])/gu, (_, letter: string) => letter.toUpperCase())

/** A table of hanse.toml, whose keys may be spelled with hyphens, or the same as JSON in a flag or variable. */
export const readTable = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess((given, ctx) => {
    if (typeof given === 'string') {
      try {
        return JSON.parse(given)
      } catch {
        ctx.addIssue({ code: 'custom', message: 'not JSON' })
        return z.NEVER
      }
    }
    if (typeof given !== 'object' || given === null || Array.isArray(given)) return given
    return Object.fromEntries(Object.entries(given).map(([key, value]) => [camel(key), value]))
  }, schema)
