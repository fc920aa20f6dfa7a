import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROLES, type Role, roleAllows } from '../access/roles.ts'
import { type AccessApp, openAccessApp, ROOT } from '../access/testing/access-app.ts'
import {
  addKeyOf,
  addMemberOf,
  addOrganization,
  type TestPerson,
} from '../access/testing/people.ts'
import { type Schema, sampleOf } from '../access/testing/sample-request.ts'
import { seedFinished } from '../access/testing/seed-finished.ts'
import { type SeededTenant, seedTenant } from '../access/testing/seed-tenant.ts'
import { type Sample, TENANT_SAMPLES } from '../access/testing/tenant-samples.ts'
import { openStripePayments, type StripeDouble, startStripeDouble } from '../stripe/index.ts'
import { NOW } from '../testing/market.ts'
import type { RouteAccess } from './route-access.ts'

interface Operation {
  readonly parameters?: readonly { name: string; in: string; required?: boolean; schema: Schema }[]
  readonly requestBody?: { content: Readonly<Record<string, { schema: Schema }>> }
}
interface Route extends RouteAccess {
  /** As `GET /v1/budgets/{id}`. */
  readonly name: string
  readonly method: Method
  readonly operation: Operation
}
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
type Headers = Readonly<Record<string, string>>

/** Some thousand requests, on a machine that does other things as well. */
const WALK_MS = 240_000

let opened: AccessApp
let double: StripeDouble
let routes: Route[]
/** Whose things nobody else may see. */
let mine: SeededTenant
let theirs: { key: Headers; admin: TestPerson }

beforeAll(async () => {
  double = await startStripeDouble({ now: () => NOW, delivery: 'manual' })
  const payments = openStripePayments({
    secretKey: 'sk_test_double',
    webhookSecret: 'whsec_test',
    host: '127.0.0.1',
    port: double.port,
    protocol: 'http',
    now: () => NOW,
    maxNetworkRetries: 0,
  })
  opened = await openAccessApp(
    { requestsPerMinute: 1_000_000, jobs: {} as never, backups: '/nowhere' },
    { payments, resolveTxt: async () => [] },
  )
  routes = routesOf(opened)
  mine = await seedFinished(opened.context, await seedTenant(opened, double))
  const other = await addOrganization(opened.context, 'Another')
  const admin = await addMemberOf(opened.context, other.organization, 'owner')
  theirs = { key: other.key, admin }
}, 120_000)
afterAll(async () => {
  await opened?.[Symbol.asyncDispose]()
  await double?.close()
})

/** All that there are, with what the API's own document says of each. */
function routesOf({ app }: AccessApp): Route[] {
  const { paths } = app.swagger() as unknown as {
    paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  }
  return app.routeAccess.map((route) => {
    const path = route.path.replaceAll(/:(\w+)/gu, '{$1}')
    const method = route.method as Method
    const operation = paths[path]?.[method.toLowerCase()] ?? {}
    return { ...route, method, path, name: `${method} ${path}`, operation }
  })
}

let sent = 0
async function send(route: Route, headers: Headers) {
  const { method, path, operation } = route
  const url = path.replaceAll(/\{(\w+)\}/gu, (_all, name: string) =>
    encodeURIComponent(idFor(route, name)),
  )
  const { query, body, type = 'application/json' } = sampleFor(route)
  sent++
  const answer = await opened.app.inject({
    method,
    url,
    query: { ...required(operation), ...query },
    headers: {
      ...headers,
      'idempotency-key': `walk-${sent}`,
      ...(body !== undefined && { 'content-type': type }),
    },
    // Some routes let few requests of one address through.
    remoteAddress: `10.${(sent >> 16) & 255}.${(sent >> 8) & 255}.${sent & 255}`,
    ...(body !== undefined && { payload: body }),
  })
  const status = answer.statusCode
  if (status >= 500) faults.push(`${route.name}: ${status} ${answer.body.slice(0, 200)}`)
  return { status, text: answer.body, url: decodeURIComponent(url) }
}
/** Nothing that anybody sends is a fault of ours. */
const faults: string[] = []

function sampleFor({ name, operation }: Route): Sample {
  const made = TENANT_SAMPLES[name]?.(mine.ids)
  if (made !== undefined) return made
  const schema = operation.requestBody?.content['application/json']?.schema
  return schema === undefined ? {} : { body: sampleOf(schema) as object }
}

const required = ({ parameters = [] }: Operation) =>
  Object.fromEntries(
    parameters
      .filter((one) => one.in === 'query' && one.required === true)
      .map(({ name, schema }) => [name, String(sampleOf(schema))]),
  )

/** `budgets/id` of `/v1/budgets/{id}`. */
const idName = (path: string, name: string) =>
  `${path.split(`/{${name}}`)[0]?.split('/').at(-1) ?? ''}/${name}`
const idNames = ({ path }: Route) =>
  [...path.matchAll(/\{(\w+)\}/gu)].map(([, name = '']) => idName(path, name))

function idFor({ path, operation }: Route, name: string): string {
  const known = mine.ids[idName(path, name)]
  if (known !== undefined) return known
  const schema = operation.parameters?.find((one) => one.name === name)?.schema
  return String(sampleOf(schema ?? {}))
}

const isDone = (status: number) => status >= 200 && status < 300
const tenantRoutes = () => routes.filter(({ caller }) => caller === undefined)

/** No ids of something that somebody has: kinds of files. */
const NO_IDS = new Set(['imports/format'])
/** Names that an organization gives: another may have the same. */
const OWN_NAMES = new Set(['teams/name'])

test('every kind of id that a path names has something behind it', () => {
  const names = new Set(tenantRoutes().flatMap(idNames))
  expect([...names].filter((name) => !NO_IDS.has(name) && !(name in mine.ids))).toEqual([])
})

test('nobody comes in without showing who they are', { timeout: WALK_MS }, async () => {
  const open: string[] = []
  for (const route of routes) {
    if (route.caller === 'public' || route.caller === 'link') continue
    const { status } = await send(route, {})
    // What is signed is read before its signature is.
    const isRefused = route.caller === 'signed' ? status >= 400 && status < 500 : status === 401
    if (!isRefused) open.push(`${route.name}: ${status}`)
  }
  expect(open).toEqual([])
  expect(faults).toEqual([])
})

test('no tenant comes in where operators, directories and monitoring do', {
  timeout: WALK_MS,
}, async () => {
  const open: string[] = []
  const others = routes.filter(({ caller = '' }) =>
    ['operator', 'directory', 'token'].includes(caller),
  )
  for (const route of others) {
    for (const headers of [theirs.key, theirs.admin.headers]) {
      const { status } = await send(route, headers)
      // Who is signed in is known, and no operator; a key is nothing there.
      const isKnown = route.caller === 'operator' && headers === theirs.admin.headers
      if (status !== (isKnown ? 403 : 401)) open.push(`${route.name}: ${status}`)
    }
  }
  expect(others.length).toBeGreaterThan(60)
  expect(open).toEqual([])
  const alerts = others.find(({ name }) => name === 'GET /v1/admin/alerts')
  expect(alerts && (await send(alerts, ROOT)).status).toBe(200)
})

test('no member and no key does what their role does not allow', { timeout: WALK_MS }, async () => {
  const { context } = opened
  const { organization } = await addOrganization(context)
  const open: string[] = []
  const refusing = async (who: string, headers: Headers, isRefused: (route: Route) => boolean) => {
    for (const route of tenantRoutes().filter(isRefused)) {
      const { status } = await send(route, headers)
      if (status !== 403) open.push(`${who}: ${route.name}: ${status}`)
    }
  }
  for (const role of ROLES) {
    const { headers } = await addMemberOf(context, organization, role)
    await refusing(role, headers, (route) => !mayAsMember(role, route))
    const key = await addKeyOf(context, organization, { role })
    await refusing(`key of ${role}`, key.headers, (route) => !mayAsKey(role, route))
  }
  expect(open).toEqual([])
  expect(faults).toEqual([])
})

const mayAsKey = (role: Role, { permissions, people }: Route) =>
  people === undefined && permissions.every((permission) => roleAllows(role, permission))
const mayAsMember = (role: Role, { permissions, people }: Route) =>
  permissions.every((permission) => roleAllows(role, permission)) &&
  (people !== 'owners' || role === 'owner')

/** All that an organization sees of itself. */
async function view({ owner }: SeededTenant) {
  const seen: Record<string, string> = {}
  for (const route of tenantRoutes()) {
    if (route.method !== 'GET') continue
    const { status, text } = await send(route, owner.headers)
    seen[route.name] = `${status} ${TELLS_LOOKS.has(route.name) ? '' : text}`
  }
  return seen
}
/** Its owner's own looks into the audit trail are in it, and this is one. */
const TELLS_LOOKS = new Set(['GET /v1/gdpr/export'])
test('no other tenant gets at anything, learns a byte of it, or changes it', {
  timeout: WALK_MS,
}, async () => {
  const before = await view(mine)
  expect(Object.entries(before).filter(([, text]) => !text.startsWith('200 '))).toEqual([])
  const leaks: string[] = []
  const trespass: string[] = []
  const naming = { ...theirs.admin.headers, 'hanse-organization': mine.organization }
  const asking = { key: theirs.key, person: theirs.admin.headers, naming }
  const reads = (route: Route) => route.method === 'GET'
  const all = routes.filter(({ caller }) => caller !== 'operator')
  // What they have sent themselves comes back to them later, in their log of access first: so all is read before and after.
  const said: string[] = []
  const inOrder = [
    ...all.filter(reads),
    ...all.filter((route) => !reads(route)),
    ...all.filter(reads),
  ]
  for (const route of inOrder) {
    const namesMine = idNames(route).some((name) => name in mine.ids && !OWN_NAMES.has(name))
    for (const [who, headers] of Object.entries(asking)) {
      const { status, text, url } = await send(route, headers)
      if (!reads(route)) said.push(url, JSON.stringify(sampleFor(route)))
      const leaked = mine.secrets.filter(
        (secret) => text.includes(secret) && ![url, ...said].some((told) => told.includes(secret)),
      )
      if (leaked.length > 0) leaks.push(`${who}: ${route.name}: ${leaked.join()}`)
      if (route.caller !== undefined) continue
      if (isDone(status) && (namesMine || who === 'naming')) trespass.push(`${who}: ${route.name}`)
    }
  }
  expect(leaks).toEqual([])
  expect(trespass).toEqual([])
  expect(faults).toEqual([])
  expect(await view(mine)).toEqual(before)
})

test('what others could not reach is there for its owner', { timeout: WALK_MS }, async () => {
  const missing: string[] = []
  // What is deleted comes last, and what stands on others before what it stands on.
  const order = (route: Route) => (route.method === 'DELETE' ? -route.path.length : -1_000_000)
  const mineAll = tenantRoutes()
    .filter((route) => idNames(route).some((name) => name in mine.ids))
    .toSorted((a, b) => order(a) - order(b))
  for (const route of mineAll) {
    const { status, text } = await send(route, mine.owner.headers)
    if ([401, 403, 404].includes(status)) missing.push(`${route.name}: ${status} ${text}`)
  }
  expect(missing).toEqual([])
  expect(faults).toEqual([])
})
