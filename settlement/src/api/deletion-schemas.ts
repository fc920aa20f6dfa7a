import { z } from 'zod'
import { DELETION_STATES, type DeletionRow } from '../deletion/deletion-store.ts'

const time = z.number()
const count = z.string()

/** What one node was asked to erase, and what it answered. */
export const deletionSchema = z.object({
  /** CID of the signed request; null until it is signed. */
  cid: z.string().nullable(),
  request: z.string().nullable(),
  node: z.string(),
  side: z.enum(['provider', 'consumer']),
  part: z.number(),
  state: z.enum(DELETION_STATES),
  consumers: z.number(),
  authorizations: z.number(),
  at: time,
  dueAt: time,
  fetchedAt: time.nullable(),
  endedAt: time.nullable(),
  confirmation: z
    .object({
      cid: z.string(),
      sequence: z.number(),
      at: time,
      receivedAt: time,
      erased: z.array(z.object({ class: z.string(), count })),
      kept: z.array(
        z.object({ class: z.string(), reason: z.string(), count, until: time.nullable() }),
      ),
    })
    .nullable(),
})

export const toDeletionJson = ({
  id: _id,
  signed: _signed,
  remindedAt: _remindedAt,
  consumers,
  authorizations,
  confirmation,
  ...row
}: DeletionRow): z.output<typeof deletionSchema> => ({
  ...row,
  consumers: consumers.length,
  authorizations: authorizations.length,
  confirmation: confirmation && {
    ...confirmation,
    erased: [...confirmation.erased],
    kept: [...confirmation.kept],
  },
})
