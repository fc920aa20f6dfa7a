import type { FastifyCorsOptionsDelegateCallback } from '@fastify/cors'
import type { SettlementContext } from '../context.ts'

/**
 * Who may read our answers from a page. Everybody reads what needs no cookie: browsers keep an answer that was asked for with
 * a cookie from every page but those of the website that the operator named.
 */
export function corsFor({
  webOrigin,
}: Pick<SettlementContext, 'webOrigin'>): FastifyCorsOptionsDelegateCallback {
  return (request, callback) => {
    const isOurs = webOrigin !== undefined && request.headers.origin === webOrigin
    callback(
      null,
      isOurs
        ? {
            origin: webOrigin,
            credentials: true,
            methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
            exposedHeaders: ['retry-after'],
          }
        : { origin: '*', methods: ['GET'] },
    )
  }
}
