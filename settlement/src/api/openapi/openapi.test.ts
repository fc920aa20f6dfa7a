import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { type AccessApp, openAccessApp, ROOT } from '../../access/testing/access-app.ts'
import { addMemberOf, addOrganization } from '../../access/testing/people.ts'
import { type Schema, sampleOf } from '../../access/testing/sample-request.ts'
import { newSigner } from '../../testing/deals.ts'
import { openApiDocument } from './document.ts'
import { EXAMPLES } from './examples.ts'
import { MOVES_MONEY } from './idempotency.ts'
import type { Answer, Document, Operation, Parameter } from './openapi-types.ts'
import { TAGS } from './tags.ts'

interface Route {
  readonly name: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly operation: Operation
}

let opened: AccessApp
let document: Document
let routes: Route[]

beforeAll(async () => {
  opened = await openAccessApp({
    requestsPerMinute: 1_000_000,
    jobs: {} as never,
    backups: '/nowhere',
  })
  document = await openApiDocument()
  routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([verb, operation]) => {
      const method = verb.toUpperCase() as Route['method']
      return { name: `${method} ${path}`, method, path, operation }
    }),
  )
}, 120_000)
afterAll(() => opened[Symbol.asyncDispose]())

test('every route says what it is called, what it is about, who may call it and what it answers', () => {
  const ids = routes.map(({ operation }) => operation.operationId)
  expect(new Set(ids).size).toBe(routes.length)
  const wanting = routes.filter(({ operation }) => {
    const { operationId = '', summary = '', tags = [], security, responses } = operation
    const isNamed = /^[a-z][a-zA-Z]+$/u.test(operationId) && summary.length > 3
    const isTagged = tags.length === 1 && tags.every((tag) => tag in TAGS)
    const isAnswered = Object.keys(responses).some((status) => /^[23]/u.test(status))
    return (
      !isNamed || !isTagged || !isAnswered || security === undefined || !('default' in responses)
    )
  })
  expect(wanting.map(({ name }) => name)).toEqual([])
})

/** What the standards of others lay down, with paths that the document cannot describe, and what is about the API itself. */
const UNDOCUMENTED = ['GET /log/checkpoint', 'GET /log/tile/*', 'GET /metrics', 'GET /openapi.json']

test('all that is served is documented', () => {
  const documented = new Set(routes.map(({ name }) => name))
  const missing = opened.app.routeAccess
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/gu, '{$1}')}`)
    .filter((name) => !documented.has(name) && !UNDOCUMENTED.includes(name))
  expect(missing).toEqual([])
})

test('every reference leads to something', () => {
  const text = JSON.stringify(document)
  const references = new Set(
    [...text.matchAll(/"\$ref":"#([^"]+)"/gu)].map(([, path = '']) => path),
  )
  expect(references.size).toBeGreaterThan(5)
  const broken = [...references].filter((path) => {
    const found = path
      .slice(1)
      .split('/')
      .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document)
    return found === undefined
  })
  expect(broken).toEqual([])
})

test('an example is what its route takes and answers', () => {
  const wrong: string[] = []
  for (const [name, { body, answer }] of Object.entries(EXAMPLES)) {
    const operation = routes.find((route) => route.name === name)?.operation
    const taken = operation?.requestBody?.content['application/json']?.schema
    const given = (operation?.responses['200'] as Answer | undefined)?.content?.['application/json']
    for (const [schema, value] of [
      [taken, body],
      [given?.schema, answer],
    ]) {
      if (value === undefined) continue
      const read = z.fromJSONSchema(schema as never).safeParse(value)
      if (!read.success) wrong.push(`${name}: ${z.prettifyError(read.error)}`)
    }
  }
  expect(wrong).toEqual([])
})

test('what a route refuses is what its document says', { timeout: 120_000 }, async () => {
  const undocumented: string[] = []
  const tenants = [await owner(), await person()]
  for (const route of routes.filter(isServed)) {
    const callers = route.operation['x-caller'] === 'operator' ? [ROOT] : tenants
    for (const headers of [{}, ...callers]) {
      const { status, code } = await send(route, { ...headers, 'idempotency-key': 'k' })
      if (status < 400 || code === 'HANSE_INTERNAL') continue
      if (!isDocumented(route, status, code)) undocumented.push(`${route.name}: ${status} ${code}`)
    }
  }
  expect([...new Set(undocumented)]).toEqual([])
})

test('what moves money, and nothing else, wants an idempotency key', async () => {
  const wanting: string[] = []
  const asked = routes.filter(({ method }) => method !== 'GET')
  const key = await owner()
  for (const route of asked) {
    const headers = route.operation['x-caller'] === 'operator' ? ROOT : key
    const { code } = await send(route, headers)
    if (code === 'HANSE_IDEMPOTENCY_KEY') wanting.push(route.name)
  }
  const documented = asked.filter(({ operation }) => hasKey(operation)).map(({ name }) => name)
  expect(documented.toSorted()).toEqual([...MOVES_MONEY].toSorted())
  // This one looks for the payment first.
  const unseen = documented.filter((name) => !wanting.includes(name))
  expect(unseen).toEqual(['POST /v1/admin/refunds'])
  expect(wanting.filter((name) => !documented.includes(name))).toEqual([])
})

test('a service answers with the document', async () => {
  const { payload } = await opened.app.inject('/openapi.json')
  const answered = JSON.parse(payload) as Document
  expect(answered.openapi).toBe('3.1.0')
  const served = routes.filter(isServed).map(({ path }) => path)
  expect(Object.keys(answered.paths).toSorted()).toEqual([...new Set(served)].toSorted())
  for (const [path, operations] of Object.entries(answered.paths)) {
    expect(operations).toEqual(JSON.parse(JSON.stringify(document.paths[path])))
  }
})

/** The log is not open here. */
const isServed = ({ path }: Route): boolean => !path.startsWith('/v1/log/')

const hasKey = ({ parameters = [] }: Operation): boolean =>
  parameters.some((one) => 'name' in one && one.name === 'idempotency-key')

const owner = async () => (await addOrganization(opened.context)).key

async function person() {
  const { organization } = await addOrganization(opened.context)
  return (await addMemberOf(opened.context, organization, 'owner')).headers
}

async function send({ method, path, operation }: Route, headers: Readonly<Record<string, string>>) {
  const query: Record<string, string> = {}
  let url = path
  for (const { name, in: where, required, schema } of (operation.parameters ?? []) as Parameter[]) {
    const value = String(sampleOf(schema as Schema))
    if (where === 'path') url = url.replace(`{${name}}`, encodeURIComponent(value))
    else if (where === 'query' && required === true) query[name] = value
  }
  const body = operation.requestBody?.content['application/json']?.schema
  const answer = await opened.app.inject({
    method,
    url,
    query,
    headers,
    ...(body !== undefined && { payload: bodyOf(body as Schema) }),
  })
  const isProblem = answer.headers['content-type']?.startsWith('application/problem+json') === true
  const code = isProblem ? (JSON.parse(answer.body) as { code: string }).code : ''
  return { status: answer.statusCode, code }
}

/** What the schema alone cannot say: that these are names of peers. */
function bodyOf(schema: Schema): object {
  const sample = sampleOf(schema) as object
  const peers = ['consumer', 'provider'].filter((name) => name in sample)
  return { ...sample, ...Object.fromEntries(peers.map((name) => [name, newSigner().peerId])) }
}

function isDocumented({ operation }: Route, status: number, code: string): boolean {
  const answer = operation.responses[String(status)]
  if (operation['x-caller'] === 'directory') return answer !== undefined
  const named = answer !== undefined && '$ref' in answer ? answer.$ref.split('/').at(-1) : undefined
  const shared = document.components?.responses as Readonly<Record<string, Answer>> | undefined
  const told = named === undefined ? (answer as Answer | undefined) : shared?.[named]
  return told?.content?.['application/problem+json']?.examples?.[code] !== undefined
}
