import { z } from 'zod'
import { newBackup } from '../backup/new-backup.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { App } from './app.ts'

/** A backup of the embedded database, which has no other way in while the service runs. */
export function backupRoutes(app: App, context: SettlementContext, folder: string): void {
  app.post(
    '/v1/admin/backups',
    {
      config: { access: 'operator' },
      schema: {
        security: [{ key: [] }],
        description: 'Writes the database into a new folder of the service’s data directory.',
        response: {
          200: z.object({
            folder: z.string(),
            at: z.string(),
            tables: z.number(),
            rows: z.number(),
          }),
        },
      },
    },
    () => {
      const { store, vault, now } = context
      if (vault === undefined) throw new SettlementError('HANSE_BACKUP_VAULT', 'there is none')
      return newBackup(store, folder, vault, now())
    },
  )
}
