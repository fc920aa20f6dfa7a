import { type App, createApp } from './app.ts'
import type { RouteAccess } from './route-access.ts'

/** The API without a service behind it, for documents on its routes: it answers nothing. Close it. */
export const openRoutes = (): Promise<App> =>
  createApp(
    {
      publicUrl: () => 'https://settlement.invalid',
      log: {},
      euAudit: true,
      store: { kind: 'none' },
    } as never,
    { operatorToken: '', ingest: {} as never, jobs: {} as never, backups: '' },
  )

/** Every route and who may call it, by path and method. */
export async function routeTable(): Promise<readonly RouteAccess[]> {
  const app = await openRoutes()
  try {
    return app.routeAccess.toSorted((a, b) =>
      `${a.path} ${a.method}` < `${b.path} ${b.method}` ? -1 : 1,
    )
  } finally {
    await app.close()
  }
}
