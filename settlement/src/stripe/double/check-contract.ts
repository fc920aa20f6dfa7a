import { readFile } from 'node:fs/promises'
import Fastify, { type FastifyInstance } from 'fastify'
import type { SeenRequest } from './stripe-double.ts'

/**
 * Where the double's traffic leaves Stripe's contract: a request the library should not have sent,
 * or an answer that Stripe would not give. For tests.
 */
export async function contractFaults(requests: readonly SeenRequest[]): Promise<string[]> {
  const check = await checker()
  const faults: string[] = []
  for (const seen of requests) {
    if (seen.status === 'drop') continue
    // What the double refused for its parameters may well be outside the contract.
    if (seen.status < 400) faults.push(...(await check.params(seen)))
    faults.push(...(await check.answer(seen)))
  }
  return faults
}

interface Checker {
  params(seen: SeenRequest): Promise<string[]>
  answer(seen: SeenRequest): Promise<string[]>
}

let opened: Promise<Checker> | undefined

function checker(): Promise<Checker> {
  opened ??= openChecker()
  return opened
}

interface ContractOperation {
  readonly operationId: string
  readonly requestBody?: { readonly content: Record<string, { readonly schema: object }> }
  readonly 'x-query-schema'?: object
  readonly responses: {
    readonly '200': {
      readonly content: { readonly 'application/json': { readonly schema: object } }
    }
  }
}

interface Contract {
  readonly paths: Record<string, Record<string, ContractOperation>>
  readonly components: object
}

export async function readContract(): Promise<Contract & { readonly info: { version: string } }> {
  return JSON.parse(await readFile(new URL('contract.json', import.meta.url), 'utf8'))
}

/** Fastify compiles the schemas: its validator is a JSON Schema validator that we already have. */
async function openChecker(): Promise<Checker> {
  const contract = await readContract()
  // Form values are strings on the wire; in answers a string is not a number.
  const params = validators(contract, true)
  const answers = validators(contract, false)
  answers.post('/error', { schema: { body: inContract('#/components/schemas/ErrorEnvelope') } }, ok)
  for (const path of Object.values(contract.paths)) {
    for (const operation of Object.values(path)) {
      const { operationId } = operation
      const body = Object.values(operation.requestBody?.content ?? {})[0]?.schema
      const schema = body ?? operation['x-query-schema'] ?? {}
      params.post(`/${operationId}`, { schema: { body: rebased(schema) } }, ok)
      const answer = operation.responses['200'].content['application/json'].schema
      answers.post(`/${operationId}`, { schema: { body: rebased(answer) } }, ok)
    }
  }
  await Promise.all([params.ready(), answers.ready()])
  return {
    params: (seen) => faultsOf(params, seen.operation, JSON.stringify(sentParams(seen)), seen),
    answer: (seen) =>
      faultsOf(answers, seen.status === 200 ? seen.operation : 'error', seen.body, seen),
  }
}

/** `page` of a v2 list is the server's own, out of `next_page_url`. */
function sentParams({ path, params }: SeenRequest): unknown {
  if (!path.startsWith('/v2/') || typeof params !== 'object') return params
  return { ...params, page: undefined }
}

function validators(contract: Contract, coerceTypes: boolean): FastifyInstance {
  const app = Fastify({
    bodyLimit: 16 * 1024 * 1024,
    ajv: {
      customOptions: {
        coerceTypes,
        removeAdditional: false,
        useDefaults: false,
        // The contract's own keywords begin with x-.
        strict: false,
      },
    },
  })
  app.addSchema({ $id: 'contract', components: contract.components })
  return app
}

/** The same schema, with its references into the document `contract`. */
function rebased(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"contract#/components/'))
}

function inContract(reference: string): object {
  return { $ref: `contract${reference}` }
}

async function ok(): Promise<string> {
  return 'ok'
}

async function faultsOf(
  app: FastifyInstance,
  route: string,
  payload: string,
  seen: SeenRequest,
): Promise<string[]> {
  const headers = { 'content-type': 'application/json' }
  const response = await app.inject({ method: 'POST', url: `/${route}`, headers, payload })
  if (response.statusCode === 200) return []
  return [`${seen.method} ${seen.path} (${seen.operation}): ${response.json().message}`]
}
