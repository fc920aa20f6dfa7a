import { expect, test, vi } from 'vitest'
import { ROOT } from '../access/testing/access-app.ts'
import { addMemberOf } from '../access/testing/people.ts'
import { JOBS, jobsOf } from '../jobs/registry.ts'
import { checkLog } from '../log/check-log.ts'
import { ingest } from '../receipts/ingest.ts'
import { openAuditApp } from './testing/audit-app.ts'

/** Opening a database takes seconds, on a machine that does other things as well. */
const STORES_MS = 180_000
vi.setConfig({ testTimeout: STORES_MS })

type Method = 'GET' | 'POST'

/** Kinds that prove money: a session that was paid or not, a payout, the key that signs. */
const MONEY = ['key-rotation', 'policy-violation', 'receipt-settled', 'statement-settled']

const POLICY = { format: 'json', source: '{"version":1,"rules":[]}', activate: true }

test('with EU mode off its routes are not there, for anybody, and without it nothing is written', async () => {
  await using on = await openAuditApp()
  await using off = await openAuditApp({ euAudit: false })
  expect(on.app.auditedRoutes.length).toBeGreaterThan(15)
  expect(off.app.auditedRoutes).toEqual([])
  const owner = await addMemberOf(off.context, off.organization, 'owner')
  const there: string[] = []
  for (const route of on.app.auditedRoutes) {
    const [method = '', path = ''] = route.split(' ')
    for (const headers of [off.key, owner.headers, ROOT, {}]) {
      const url = path.replaceAll(/:\w+/gu, '1')
      const answer = await off.app.inject({
        method: method as Method,
        url,
        headers,
        // Limits of one address are not what this is about.
        remoteAddress: `10.0.${there.length}.1`,
      })
      const isGone = answer.statusCode === 404 && answer.json().code === 'HANSE_NOT_FOUND'
      if (!isGone) there.push(`${route}: ${answer.statusCode}`)
    }
  }
  expect(there).toEqual([])
  const paths = Object.keys((off.app.swagger() as { paths: object }).paths)
  expect(paths.filter((path) => /^\/v1\/(?:audit|gdpr|compliance|breaches)/u.test(path))).toEqual(
    [],
  )
})

test('with it off, a market does business and its audit trail stays empty', async () => {
  for (const euAudit of [true, false]) {
    await using app = await openAuditApp({ euAudit })
    const { context, deal, call } = app
    const { store } = context
    await ingest(context, [deal().submission(0, 5, { final: 'completed' })])
    await ingest(context, [deal({ residency: { allow: ['FR'], minLevel: 3 } }).submission(0, 1)])
    expect((await call('POST', '/v1/policies', undefined, POLICY)).status).toBe(200)
    const period = { from: '2026-11-01T00:00:00Z', to: '2026-11-03T00:00:00Z' }
    await call('POST', '/v1/audit/packages', undefined, period)
    await call('GET', '/v1/audit/events')
    await context.log.tick()

    const { rows } = await store.executeSql('select distinct kind from log_event order by kind')
    const others = (rows as { kind: string }[])
      .map(({ kind }) => kind)
      .filter((kind) => !MONEY.includes(kind))
    const packages = (await store.executeSql('select id from audit_package')).rows
    if (euAudit) {
      expect(others).toEqual(['authorization-issued', 'log-read', 'policy-changed'])
      expect(packages).toHaveLength(1)
    } else {
      expect(others).toEqual([])
      expect(packages).toEqual([])
    }
    // What proves the money is there either way.
    expect(await checkLog(store)).toMatchObject({ sound: true })
    expect((await call('GET', '/log/checkpoint')).status).toBe(200)
  }
})

test('its jobs are not scheduled where it is off', () => {
  const names = (euAudit: boolean) => jobsOf({ euAudit }).map(({ name }) => name)
  expect(names(true)).toContain('audit-packages')
  expect(names(false).filter((name) => name.startsWith('audit-'))).toEqual([])
  const audited = JOBS.filter((job) => job.audited === true).map(({ name }) => name)
  expect(audited.length).toBeGreaterThan(2)
  expect(names(false).filter((name) => audited.includes(name))).toEqual([])
})
