import { createApp } from '../app.ts'
import type { Document } from './openapi-types.ts'

/** The document of the API, as a service answers at `/openapi.json`, without a service: only the routes are made. */
export async function openApiDocument(): Promise<Document> {
  const app = await createApp(
    {
      publicUrl: () => 'https://settlement.invalid',
      log: {},
      euAudit: true,
      store: { kind: 'none' },
    } as never,
    {
      operatorToken: '',
      ingest: {} as never,
      jobs: {} as never,
      backups: '',
    },
  )
  try {
    return app.swagger() as unknown as Document
  } finally {
    await app.close()
  }
}
