import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { App } from './app.ts'

/** Whether the service is there, who it is, and how to talk to it. */
export function serviceRoutes(app: App, { store, signer, network }: SettlementContext): void {
  const ok = { schema: { response: { 200: z.object({ status: z.literal('ok') }) } } }
  app.get('/healthz', ok, () => ({ status: 'ok' as const }))

  app.get('/readyz', ok, async () => {
    try {
      await store.ping()
    } catch (cause) {
      throw new SettlementError('HANSE_STORE_CLOSED', 'the database does not answer', { cause })
    }
    return { status: 'ok' as const }
  })

  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())

  app.get(
    '/v1/identity',
    { schema: { response: { 200: z.object({ peerId: z.string(), network: z.string() }) } } },
    () => ({ peerId: signer.peerId, network }),
  )
}
