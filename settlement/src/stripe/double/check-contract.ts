import { readFile } from 'node:fs/promises'
import Fastify from 'fastify'
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

/** Stripe's error, which the library's types show in parts only. */
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
        payment_intent: { $ref: '#/components/schemas/PaymentIntent' },
        setup_intent: { $ref: '#/components/schemas/SetupIntent' },
        doc_url: { type: 'string' },
      },
      additionalProperties: false,
    },
  },
}

async function openChecker(): Promise<Checker> {
  const contract = await readContract()
  const operations = new Map(contract.operations.map((operation) => [operation.name, operation]))
  const operationOf = (name: string): ContractOperation => {
    const operation = operations.get(name)
    if (operation === undefined) throw new Error(`the contract has no operation ${name}`)
    return operation
  }
  // Form values are strings on the wire; in answers a string is not a number.
  const params = await validator(contract, true)
  const answers = await validator(contract, false)
  const kinds = objectKinds(contract)
  return {
    async params(seen) {
      const { params: schema } = operationOf(seen.operation)
      return about(seen, await params(schema, sentParams(seen)))
    },
    async answer(seen) {
      const schema = seen.status === 200 ? operationOf(seen.operation).answer : errorEnvelope
      return about(seen, await answers(schema, JSON.parse(seen.body)))
    },
    async event(event) {
      const { type, object } = eventParts(event)
      const schema = kinds.get(String(Reflect.get(object, 'object')))
      if (schema === undefined) return [`${type}: the contract does not know its object`]
      const fault = await answers(schema, object)
      return fault === undefined ? [] : [`${type}: ${fault}`]
    },
  }
}

/** Schemas of the types that name themselves in `object`, by that name. */
function objectKinds({ schemas }: Contract): Map<string, object> {
  const kinds = new Map<string, object>()
  for (const [name, schema] of Object.entries(schemas)) {
    const { properties = {} } = schema as { properties?: Record<string, { enum?: string[] }> }
    const [kind] = properties.object?.enum ?? []
    if (kind !== undefined && !name.startsWith('Deleted')) kinds.set(kind, schema)
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

type Validate = (schema: object, value: unknown) => Promise<string | undefined>

/**
 * Fastify compiles the schemas: its validator is a JSON Schema validator that we already have. Only
 * what a test uses is compiled.
 */
async function validator({ schemas }: Contract, coerceTypes: boolean): Promise<Validate> {
  const app = Fastify({
    bodyLimit: 16 * 1024 * 1024,
    ajv: {
      customOptions: { coerceTypes, removeAdditional: false, useDefaults: false, strict: false },
    },
  })
  app.addSchema({ $id: 'contract', components: { schemas: rebased(schemas) } })
  const asked = new Map<number, object>()
  const known = new Map<object, number>()
  app.post<{ Params: { schema: string } }>('/:schema', async (request) => {
    const schema = asked.get(Number(request.params.schema)) ?? {}
    const validate = request.compileValidationSchema(schema)
    const [error] = validate(request.body) === true ? [] : (validate.errors ?? [])
    return { fault: error && `${error.instancePath} ${error.message ?? 'is not valid'}` }
  })
  return async (schema, value) => {
    const id = known.get(schema) ?? known.size
    if (!known.has(schema)) asked.set(id, rebased(schema))
    known.set(schema, id)
    const payload = JSON.stringify(value)
    const headers = { 'content-type': 'application/json' }
    const response = await app.inject({ method: 'POST', url: `/${id}`, headers, payload })
    const answer: { fault?: string } = response.json()
    return answer.fault
  }
}

/** The same schema, with its references into the document `contract`. */
function rebased(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"contract#/components/'))
}

function about({ method, path, operation }: SeenRequest, fault: string | undefined): string[] {
  return fault === undefined ? [] : [`${method} ${path} (${operation}): ${fault}`]
}
