import { readFile } from 'node:fs/promises'
import Fastify, { type FastifyInstance } from 'fastify'
import type { SeenRequest } from './answerer.ts'

/**
 * Where the double's traffic leaves Stripe's contract: a request the library should not have sent,
 * an answer that Stripe would not give, or an event with an object that is none of Stripe's. For tests.
 */
export async function contractFaults(
  requests: readonly SeenRequest[],
  events: readonly object[] = [],
): Promise<string[]> {
  const check = await checker()
  const faults: string[] = []
  for (const seen of requests) {
    if (seen.status === 'drop') continue
    // What the double refused for its parameters may well be outside the contract.
    if (seen.status < 400) faults.push(...(await check.params(seen)))
    faults.push(...(await check.answer(seen)))
  }
  for (const event of events) faults.push(...(await check.event(event)))
  return faults
}

interface Checker {
  params(seen: SeenRequest): Promise<string[]>
  answer(seen: SeenRequest): Promise<string[]>
  event(event: object): Promise<string[]>
}

let opened: Promise<Checker> | undefined

function checker(): Promise<Checker> {
  opened ??= openChecker()
  return opened
}

export interface ContractOperation {
  readonly name: string
  readonly method: string
  readonly path: string
  readonly params: object
  readonly answer: object
}

export interface Contract {
  /** The API version of the library that it was made from. */
  readonly version: string
  readonly operations: readonly ContractOperation[]
  readonly schemas: Readonly<Record<string, object>>
}

type Line =
  | { readonly kind: 'contract'; readonly version: string }
  | ({ readonly kind: 'operation' } & ContractOperation)
  | { readonly kind: 'schema'; readonly name: string; readonly schema: object }

export async function readContract(): Promise<Contract> {
  const text = await readFile(new URL('contract.jsonl', import.meta.url), 'utf8')
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line): Line => JSON.parse(line))
  const operations: ContractOperation[] = []
  const schemas: Record<string, object> = {}
  let version = ''
  for (const line of lines) {
    if (line.kind === 'contract') version = line.version
    else if (line.kind === 'operation') operations.push(line)
    else schemas[line.name] = line.schema
  }
  return { version, operations, schemas }
}

// Parameters are closed objects, so the contract alone says what the library may send.
const errorEnvelope = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['type', 'message'],
      properties: {
        type: {
          enum: [
            'api_error',
            'card_error',
            'idempotency_error',
            'invalid_request_error',
            'rate_limit_error',
          ],
        },
        code: { type: 'string' },
        decline_code: { type: 'string' },
        message: { type: 'string' },
        param: { type: 'string' },
        charge: { type: 'string' },
        payment_intent: { $ref: 'contract#/components/schemas/PaymentIntent' },
        setup_intent: { $ref: 'contract#/components/schemas/SetupIntent' },
        doc_url: { type: 'string' },
      },
      additionalProperties: false,
    },
  },
}

/** Fastify compiles the schemas: its validator is a JSON Schema validator that we already have. */
async function openChecker(): Promise<Checker> {
  const contract = await readContract()
  // Form values are strings on the wire; in answers a string is not a number.
  const params = validators(contract, true)
  const answers = validators(contract, false)
  answers.post('/error', { schema: { body: errorEnvelope } }, ok)
  for (const operation of contract.operations) {
    const url = `/${operation.name}`
    params.post(url, { schema: { body: rebased(operation.params) } }, ok)
    answers.post(url, { schema: { body: rebased(operation.answer) } }, ok)
  }
  const kinds = objectKinds(contract)
  for (const [kind, name] of kinds) {
    const body = { $ref: `contract#/components/schemas/${name}` }
    answers.post(`/objects/${kind}`, { schema: { body } }, ok)
  }
  await Promise.all([params.ready(), answers.ready()])
  const answerRoute = ({ status, operation }: SeenRequest) => (status === 200 ? operation : 'error')
  return {
    params: async (seen) =>
      about(seen, await faultOf(params, seen.operation, JSON.stringify(sentParams(seen)))),
    answer: async (seen) => about(seen, await faultOf(answers, answerRoute(seen), seen.body)),
    async event(event) {
      const { type, object } = eventParts(event)
      const kind = String(Reflect.get(object, 'object'))
      if (!kinds.has(kind)) return [`${type}: the contract has no object '${kind}'`]
      const fault = await faultOf(answers, `objects/${kind}`, JSON.stringify(object))
      return fault === undefined ? [] : [`${type}: ${fault}`]
    },
  }
}

/** `payment_intent` to `PaymentIntent`: the types that name themselves in `object`. */
function objectKinds({ schemas }: Contract): Map<string, string> {
  const kinds = new Map<string, string>()
  for (const [name, schema] of Object.entries(schemas)) {
    const deleted = name.startsWith('Deleted')
    const kind =
      /^\{"type":"object","properties":\{"id":\{"type":"string"\},"object":\{"enum":\["([^"]+)"\]\}/.exec(
        JSON.stringify(schema),
      )?.[1]
    if (kind !== undefined && !deleted) kinds.set(kind, name)
  }
  return kinds
}

function eventParts(event: object): { type: string; object: object } {
  const data: unknown = Reflect.get(event, 'data')
  const object: unknown = typeof data === 'object' && data !== null && Reflect.get(data, 'object')
  if (typeof object !== 'object' || object === null)
    throw new TypeError('an event without an object')
  return { type: String(Reflect.get(event, 'type')), object }
}

/** `page` of a v2 list is the server's own, out of `next_page_url`. */
function sentParams({ path, params }: SeenRequest): unknown {
  if (!path.startsWith('/v2/') || typeof params !== 'object') return params
  return { ...params, page: undefined }
}

function validators({ schemas }: Contract, coerceTypes: boolean): FastifyInstance {
  const app = Fastify({
    bodyLimit: 16 * 1024 * 1024,
    ajv: {
      customOptions: { coerceTypes, removeAdditional: false, useDefaults: false, strict: false },
    },
  })
  app.addSchema({ $id: 'contract', components: { schemas: rebased(schemas) } })
  return app
}

/** The same schema, with its references into the document `contract`. */
function rebased(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"contract#/components/'))
}

async function ok(): Promise<string> {
  return 'ok'
}

async function faultOf(
  app: FastifyInstance,
  route: string,
  payload: string,
): Promise<string | undefined> {
  const headers = { 'content-type': 'application/json' }
  const response = await app.inject({ method: 'POST', url: `/${route}`, headers, payload })
  return response.statusCode === 200 ? undefined : String(response.json().message)
}

function about({ method, path, operation }: SeenRequest, fault: string | undefined): string[] {
  return fault === undefined ? [] : [`${method} ${path} (${operation}): ${fault}`]
}
