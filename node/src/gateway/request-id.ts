import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** The client's own id of a request, where it is one that can stand in a log and in a header; else a new one. */
export function requestId({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w.:-]{1,128}$/u.test(given)
    ? given
    : `req_${randomUUID().replaceAll('-', '')}`
}
