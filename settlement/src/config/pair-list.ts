import { z } from 'zod'

/**
 * A setting of several entries, with commas between them or as a list.
 *
 * @param read gives `undefined` for an entry that is wrong
 * @param form what an entry looks like, such as `<key>@<address>`
 */
export const pairList = <Entry>(
  read: (text: string) => Entry | undefined,
  form: string,
  entriesMax: number,
) =>
  z
    .union([
      z.array(z.string()),
      z.string().transform((text) => text.split(',').map((part) => part.trim())),
    ])
    .transform((parts, ctx) =>
      parts
        .filter((part) => part !== '')
        .map((part): Entry => {
          const entry = read(part)
          if (entry !== undefined) return entry
          ctx.addIssue({ code: 'custom', message: `${part.slice(0, 80)} is not ${form}` })
          return z.NEVER
        }),
    )
    .refine((entries) => entries.length <= entriesMax, { error: `over ${entriesMax}` })
