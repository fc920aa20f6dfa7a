import { decodeSessionNotes, SESSION_NOTES_BYTES_MAX } from '@hanse/protocol'
import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { givenNote } from '../session-notes/note.ts'
import type { App } from './app.ts'
import { providerOf } from './provider-auth.ts'
import { cborBody } from './receipt-routes.ts'

const sessions = z.array(z.string())

/** Whom sessions were for, and how long they took: told by the node that paid for them. */
export function sessionNoteRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context
  app.post(
    '/v1/session-notes',
    {
      config: { access: 'signed' },
      bodyLimit: SESSION_NOTES_BYTES_MAX,
      schema: {
        consumes: ['application/cbor'],
        description:
          'Tags, end users and times of sessions that are settled, from the node that was their consumer, signed by it (RFC 9421): DAG-CBOR of {notes: [{session, tags, user, firstMs, totalMs, receipt}]}, 200 at most. Of a session the first note counts. `unknown` are sessions that are not settled, or not this node’s. Only the organization that paid sees any of it',
        response: { 200: z.object({ noted: sessions, known: sessions, unknown: sessions }) },
      },
    },
    async (request) => {
      const consumer = providerOf(request, context)
      const notes = decodeSessionNotes(cborBody(request.body)).map(givenNote)
      return store.keepNotes(consumer, notes, now())
    },
  )
}
