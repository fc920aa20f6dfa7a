import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { Operations } from '../operations/operations.ts'
import type { App } from './app.ts'
import { checkBearer } from './find-caller.ts'
import { NONCE, proveIdentity } from './identity-proof.ts'

/** Answered whatever there is to do: they say so. */
const always = { always: true } as const

/** Whether the service is there, who it is, and how to talk to it. */
export function serviceRoutes(
  app: App,
  { store, signer, network }: SettlementContext,
  operations: Operations,
): void {
  app.get(
    '/healthz',
    {
      config: { ...always, access: 'public' },
      schema: { response: { 200: z.object({ status: z.literal('ok') }) } },
    },
    () => ({ status: 'ok' as const }),
  )

  app.get(
    '/readyz',
    {
      config: { ...always, access: 'public' },
      schema: {
        response: {
          200: z.object({ status: z.literal('ok'), warnings: z.array(z.string()).readonly() }),
        },
      },
    },
    async () => {
      const { ready, reasons, warnings } = await operations.readiness(store)
      if (!ready) throw new SettlementError('HANSE_NOT_READY', reasons.join(', '))
      return { status: 'ok' as const, warnings }
    },
  )

  app.get(
    '/metrics',
    { config: { ...always, access: 'token' }, schema: { hide: true } },
    async (request, reply) => {
      checkBearer(request, operations.metricsToken, 'the token for metrics')
      const { metrics } = operations
      return reply.type(metrics.contentType).send(await metrics.text())
    },
  )

  app.get('/openapi.json', { config: { access: 'public' }, schema: { hide: true } }, () =>
    app.swagger(),
  )

  app.get(
    '/v1/identity',
    {
      config: { access: 'public' },
      schema: {
        querystring: z.object({ nonce: z.string().regex(NONCE).optional() }),
        response: {
          200: z.object({
            peerId: z.string(),
            network: z.string(),
            /** Of the nonce; see `proveIdentity`. */
            proof: z.string().optional(),
          }),
        },
      },
    },
    ({ query: { nonce }, raw }) => ({
      peerId: signer.peerId,
      network,
      ...(nonce !== undefined && {
        proof: proveIdentity(signer, { network, port: raw.socket.localPort ?? 0, nonce }),
      }),
    }),
  )
}
