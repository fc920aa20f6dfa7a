import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { exportArchive } from '../rights/data-export.ts'
import type { DataExport } from '../rights/export-run-store.ts'
import type { Subject } from '../rights/request-store.ts'

type Context = Pick<SettlementContext, 'store' | 'now'>

const MEDIA_TYPE = 'application/gzip'
export const ARCHIVE = [MEDIA_TYPE]

/** Everything about a subject, as it is read. */
export function sendArchive(
  reply: FastifyReply,
  { store, now }: Context,
  subject: Subject,
): FastifyReply {
  return named(reply, now()).send(exportArchive(store, subject, { at: now() }))
}

/** What was made in the background. @throws {SettlementError} HANSE_DATA_EXPORT_STATE while it is not */
export function sendExport(
  reply: FastifyReply,
  { store }: Context,
  made: DataExport,
): FastifyReply {
  if (made.state !== 'done') {
    throw new SettlementError('HANSE_DATA_EXPORT_STATE', `the export is ${made.state}`)
  }
  return named(reply, made.createdAt)
    .header('content-length', made.bytes ?? 0)
    .send(Readable.from(partsOf(store, made.id)))
}

async function* partsOf(store: Context['store'], id: string): AsyncGenerator<Uint8Array> {
  for (let number = 0; ; number++) {
    const part = await store.exportPart(id, number)
    if (part === undefined) return
    yield part
  }
}

const named = (reply: FastifyReply, at: number): FastifyReply =>
  reply
    .type(MEDIA_TYPE)
    .header(
      'content-disposition',
      `attachment; filename="hanse-data-${new Date(at).toISOString().slice(0, 10)}.tar.gz"`,
    )
