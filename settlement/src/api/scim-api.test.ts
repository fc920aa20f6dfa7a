import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AccessApp, openAccessApp } from '../access/testing/access-app.ts'
import { addMemberOf, addOrganization, addPerson, signIn } from '../access/testing/people.ts'

let opened: AccessApp
beforeAll(async () => {
  opened = await openAccessApp()
}, 120_000)
afterAll(() => opened[Symbol.asyncDispose]())

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
async function call(
  method: Method,
  url: string,
  headers: Readonly<Record<string, string>>,
  payload?: object,
) {
  const answer = await opened.app.inject({
    method,
    url,
    headers: { ...headers, ...(payload && { 'content-type': 'application/scim+json' }) },
    ...(payload !== undefined && { payload: JSON.stringify(payload) }),
  })
  const body = answer.body === '' ? undefined : answer.json()
  return { status: answer.statusCode, body, type: answer.headers['content-type'] }
}

let domains = 0
/** An organization with a proven domain and a directory. */
async function withDirectory() {
  const { context } = opened
  const domain = `corp${++domains}.example`
  const { organization } = await addOrganization(context)
  const owner = await addMemberOf(context, organization, 'owner')
  await context.store.addSsoDomain(organization, domain, 'token', context.now())
  await context.store.verifySsoDomain(organization, domain, context.now())
  const made = await opened.app.inject({
    method: 'POST',
    url: '/v1/scim-token',
    headers: { ...owner.headers },
  })
  const scim = { authorization: `Bearer ${made.json().token}` }
  return { organization, owner, domain, scim }
}

test('a directory lets people in, finds them, and shuts them out at once', async () => {
  const { context } = opened
  const { organization, scim, domain } = await withDirectory()
  const userName = `Ann@${domain}`
  const none = await call('GET', `/scim/v2/Users?filter=userName eq "${userName}"`, scim)
  expect(none).toMatchObject({ status: 200, body: { totalResults: 0, Resources: [] } })
  const user = { schemas: [], userName, externalId: 'e1', active: true, displayName: 'Ann' }
  const made = await call('POST', '/scim/v2/Users', scim, user)
  expect(made).toMatchObject({
    status: 201,
    type: 'application/scim+json; charset=utf-8',
    body: { userName: userName.toLowerCase(), active: true, externalId: 'e1', displayName: 'Ann' },
  })
  expect(await call('POST', '/scim/v2/Users', scim, user)).toMatchObject({
    status: 409,
    body: { scimType: 'uniqueness', status: '409' },
  })
  const found = await call('GET', `/scim/v2/Users?filter=userName eq "${userName}"`, scim)
  expect(found.body.Resources).toMatchObject([{ id: made.body.id }])

  const headers = await signIn(context, made.body.id)
  expect((await call('GET', '/v1/balance', headers)).body).toMatchObject({ organization })
  // As Microsoft Entra writes it.
  const path = `/scim/v2/Users/${made.body.id}`
  const off = { Operations: [{ op: 'Replace', path: 'active', value: 'False' }] }
  expect((await call('PATCH', path, scim, off)).body).toMatchObject({ active: false })
  expect((await call('GET', '/v1/balance', headers)).status).toBe(401)
  expect((await call('GET', '/v1/balance', await signIn(context, made.body.id))).status).toBe(404)
  // And as Okta does.
  const on = { Operations: [{ op: 'replace', value: { active: true } }] }
  expect((await call('PATCH', path, scim, on)).body).toMatchObject({ active: true })
  expect((await call('GET', '/v1/balance', await signIn(context, made.body.id))).status).toBe(200)
  const put = await call('PUT', path, scim, { userName, active: false })
  expect(put.body).toMatchObject({ active: false })
  expect(put.body.externalId).toBeUndefined()
  const moved = await call('PUT', path, scim, { userName: `bob@${domain}` })
  expect(moved).toMatchObject({ status: 400, body: { scimType: 'mutability' } })
  expect((await call('DELETE', path, scim)).status).toBe(204)
  expect((await call('GET', path, scim)).status).toBe(404)
})

test('a directory reaches no address of others, and nobody of another organization', async () => {
  const mine = await withDirectory()
  const theirs = await withDirectory()
  const user = await call('POST', '/scim/v2/Users', theirs.scim, {
    userName: `eve@${theirs.domain}`,
  })
  for (const userName of [`eve@${theirs.domain}`, 'eve@gmail.com', mine.owner.email]) {
    const answer = await call('POST', '/scim/v2/Users', mine.scim, { userName })
    expect(answer).toMatchObject({ status: 400, body: { scimType: 'invalidValue' } })
  }
  const path = `/scim/v2/Users/${user.body.id}`
  const off = { Operations: [{ op: 'replace', path: 'active', value: false }] }
  expect((await call('GET', path, mine.scim)).status).toBe(404)
  expect((await call('PATCH', path, mine.scim, off)).status).toBe(404)
  expect((await call('DELETE', path, mine.scim)).status).toBe(404)
  expect((await call('GET', '/scim/v2/Users', mine.scim)).body.totalResults).toBe(0)
})

test('an account that somebody opened with the address and never proved is worth nothing', async () => {
  const { context } = opened
  const { scim, domain } = await withDirectory()
  const squatter = await addPerson(context, `new@${domain}`)
  await context.store.executeSql(
    `update person set email_verified_at = null, password_hash = 'theirs' where id = '${squatter.id}'`,
  )
  const made = await call('POST', '/scim/v2/Users', scim, { userName: `new@${domain}` })
  expect(made.body.id).toBe(squatter.id)
  expect((await call('GET', '/v1/balance', squatter.headers)).status).toBe(401)
  const { rows } = await context.store.executeSql(
    `select password_hash from person where id = '${squatter.id}'`,
  )
  expect(rows).toEqual([{ password_hash: null }])
})

test('groups of a directory give roles once an owner says what they mean', async () => {
  const { context } = opened
  const { organization, owner, scim, domain } = await withDirectory()
  const user = async (name: string) =>
    (await call('POST', '/scim/v2/Users', scim, { userName: `${name}@${domain}` })).body.id
  const [ann, bob] = [await user('ann'), await user('bob')]
  const refs = (...ids: string[]) => ids.map((value) => ({ value }))
  const made = await call('POST', '/scim/v2/Groups', scim, {
    displayName: 'Platform',
    externalId: 'g1',
    members: refs(ann),
  })
  expect(made).toMatchObject({ status: 201, body: { displayName: 'Platform', members: refs(ann) } })
  const same = await call('POST', '/scim/v2/Groups', scim, { displayName: 'platform' })
  expect(same).toMatchObject({ status: 409, body: { scimType: 'uniqueness' } })
  const found = await call('GET', '/scim/v2/Groups?filter=displayName eq "PLATFORM"', scim)
  expect(found.body.Resources).toMatchObject([{ id: made.body.id }])
  const bare = await call('GET', '/scim/v2/Groups?excludedAttributes=members', scim)
  expect(bare.body.Resources[0]).not.toHaveProperty('members')

  const roles = async () => {
    const members = await context.store.members(organization, '', 10)
    return Object.fromEntries(members.map(({ person, role }) => [person, role]))
  }
  expect(await roles()).toMatchObject({ [ann]: 'developer', [bob]: 'developer' })
  const means = async (group: string, role: string | null, headers = owner.headers) =>
    (
      await opened.app.inject({
        method: 'PUT',
        url: `/v1/scim-groups/${group}`,
        headers: { ...headers },
        payload: { role },
      })
    ).statusCode
  expect(await means(made.body.id, 'admin')).toBe(200)
  expect(await roles()).toMatchObject({ [ann]: 'admin', [bob]: 'developer' })
  // Somebody whom the directory made an admin decides on no role of a group.
  expect(await means(made.body.id, 'auditor', await signIn(context, ann))).toBe(403)

  const path = `/scim/v2/Groups/${made.body.id}`
  const patch = (...Operations: object[]) => call('PATCH', path, scim, { Operations })
  // As Entra adds and removes, and as Okta does.
  expect((await patch({ op: 'Add', path: 'members', value: refs(bob) })).body.members).toHaveLength(
    2,
  )
  expect(await roles()).toMatchObject({ [ann]: 'admin', [bob]: 'admin' })
  await patch({ op: 'remove', path: `members[value eq "${ann}"]` })
  expect(await roles()).toMatchObject({ [ann]: 'developer', [bob]: 'admin' })
  await patch({ op: 'replace', value: { id: made.body.id, displayName: 'Ops' } })
  expect((await call('GET', path, scim)).body).toMatchObject({ displayName: 'Ops' })

  const billing = await call('POST', '/scim/v2/Groups', scim, {
    displayName: 'Money',
    members: refs(ann, bob),
  })
  await means(billing.body.id, 'billing')
  expect(await roles()).toMatchObject({ [ann]: 'billing', [bob]: 'admin' })
  // A role waits for who was shut out.
  await call('PUT', `/scim/v2/Users/${ann}`, scim, { userName: `ann@${domain}`, active: false })
  await call('PUT', `/scim/v2/Users/${ann}`, scim, { userName: `ann@${domain}`, active: true })
  expect(await roles()).toMatchObject({ [ann]: 'billing' })
  await call('PUT', path, scim, { displayName: 'Ops', members: [] })
  expect(await roles()).toMatchObject({ [bob]: 'billing' })
  expect((await call('DELETE', `/scim/v2/Groups/${billing.body.id}`, scim)).status).toBe(204)
  expect(await roles()).toMatchObject({ [ann]: 'developer', [bob]: 'developer' })
  expect((await call('GET', `/scim/v2/Groups/${billing.body.id}`, scim)).status).toBe(404)
})

test('a group has nobody who is not of its directory, and makes no owner less', async () => {
  const mine = await withDirectory()
  const theirs = await withDirectory()
  const user = await call('POST', '/scim/v2/Users', theirs.scim, { userName: `x@${theirs.domain}` })
  for (const value of [user.body.id, mine.owner.id, 'per_none']) {
    const given = { displayName: 'G', members: [{ value }] }
    expect(await call('POST', '/scim/v2/Groups', mine.scim, given)).toMatchObject({
      status: 400,
      body: { scimType: 'invalidValue' },
    })
  }
  const group = await call('POST', '/scim/v2/Groups', theirs.scim, { displayName: 'Theirs' })
  const path = `/scim/v2/Groups/${group.body.id}`
  expect((await call('GET', path, mine.scim)).status).toBe(404)
  expect((await call('DELETE', path, mine.scim)).status).toBe(404)
  const off = { Operations: [{ op: 'remove', path: 'members' }] }
  expect((await call('PATCH', path, mine.scim, off)).status).toBe(404)
  await opened.context.store.executeSql(
    `update person set email = 'boss@${mine.domain}' where id = '${mine.owner.id}'`,
  )
  await call('POST', '/scim/v2/Users', mine.scim, { userName: `boss@${mine.domain}` })
  const all = await call('POST', '/scim/v2/Groups', mine.scim, {
    displayName: 'All',
    members: [{ value: mine.owner.id }],
  })
  await opened.context.store.setScimGroupRole(mine.organization, all.body.id, 'auditor', 0)
  const [owner] = await opened.context.store.members(mine.organization, '', 10)
  expect(owner?.role).toBe('owner')
})

test('the last owner stays, and a token that was replaced opens nothing', async () => {
  const { context } = opened
  const { scim, owner, domain } = await withDirectory()
  await context.store.executeSql(
    `update person set email = 'boss@${domain}' where id = '${owner.id}'`,
  )
  const made = await call('POST', '/scim/v2/Users', scim, { userName: `boss@${domain}` })
  const path = `/scim/v2/Users/${made.body.id}`
  expect(await call('DELETE', path, scim)).toMatchObject({ status: 409 })
  const off = { Operations: [{ op: 'replace', path: 'active', value: false }] }
  expect(await call('PATCH', path, scim, off)).toMatchObject({ status: 409 })
  expect((await call('GET', path, scim)).body.active).toBe(true)
  await opened.app.inject({ method: 'POST', url: '/v1/scim-token', headers: { ...owner.headers } })
  expect(await call('GET', '/scim/v2/Users', scim)).toMatchObject({
    status: 401,
    body: { schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: '401' },
  })
})

test('what is wrong is told in the form of SCIM', async () => {
  const { scim } = await withDirectory()
  const wrong = await call('GET', '/scim/v2/Users?filter=name co "x"', scim)
  expect(wrong).toMatchObject({ status: 400, body: { scimType: 'invalidFilter', status: '400' } })
  expect(await call('POST', '/scim/v2/Users', scim, { userName: 7 })).toMatchObject({ status: 400 })
  expect(await call('GET', '/scim/v2/Users/per_none', scim)).toMatchObject({ status: 404 })
  const config = await call('GET', '/scim/v2/ServiceProviderConfig', scim)
  expect(config.body).toMatchObject({ patch: { supported: true }, filter: { supported: true } })
})
