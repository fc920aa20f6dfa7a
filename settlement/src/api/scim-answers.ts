import type { FastifyReply } from 'fastify'
import { ERROR_SCHEMA, SCIM_TYPE } from '../access/scim.ts'
import { type SettlementCode, SettlementError } from '../errors.ts'

/** A refusal whose kind SCIM has a name for. */
export class ScimError extends SettlementError {
  readonly scimType: string

  constructor(code: SettlementCode, detail: string, type: string) {
    super(code, detail)
    this.scimType = type
  }
}

export const answer = (reply: FastifyReply, status: number, body: object) =>
  reply.code(status).type(SCIM_TYPE).send(JSON.stringify(body))

/** RFC 7644, 3.12. */
export const fail = (reply: FastifyReply, status: number, detail: string, scimType?: string) =>
  answer(reply, status, {
    schemas: [ERROR_SCHEMA],
    status: String(status),
    ...(scimType !== undefined && { scimType }),
    detail,
  })
