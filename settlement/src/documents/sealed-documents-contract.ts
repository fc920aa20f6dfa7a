import { mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPersonal } from '@hanse/protocol'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newBackup } from '../backup/new-backup.ts'
import { restore } from '../backup/restore.ts'
import { keepVault, readVault } from '../backup/vault.ts'
import { databaseFault } from '../db/database.ts'
import { openStore, type SettlementStore, type StoreOptions } from '../db/store.ts'
import { runRetention } from '../retention/run-retention.ts'
import { eraseSubject } from '../rights/erase-subject.ts'
import { tablesWith } from '../rights/testing/find-marker.ts'
import { addTenant, NOW, type TestContext, testContext } from '../testing/market.ts'
import { readDocument } from './document-schema.ts'
import { issueDue } from './issue-due.ts'
import { openForDuty } from './open-for-duty.ts'
import { sealDocuments } from './seal-documents.ts'
import { vatReport } from './vat-report.ts'
import { verifyDocument } from './verify-document.ts'

const DAY_MS = 86_400_000
const MARK = 'Geheimrat'
/** Of a database without a service, which has no log. */
const WHOLE = { differing: [], ledger: { balanced: true } }
/** Making and moving databases takes seconds. */
const SLOW_MS = 300_000

/** How documents are kept. `target` gives a new database each time. */
export function sealedDocumentsContract(name: string, target: () => Promise<StoreOptions>): void {
  let folder: string
  let store: SettlementStore
  let context: TestContext & { readonly vault: string }
  const openAll = async () => {
    folder = await mkdtemp(join(tmpdir(), 'hanse-documents-'))
    store = await openStore(await target())
  }
  const closeAll = async () => {
    await store.close()
    await rm(folder, { recursive: true, force: true })
  }
  const begin = () => {
    context = { ...testContext(store), vault: join(folder, 'vault') }
  }

  /** Whose invoice has the mark in its name and address. */
  const invoiced = async () => {
    const { organization } = await addTenant(context, 100n)
    await store.setBillingProfile(
      organization,
      {
        kind: 'consumer',
        name: `${MARK} Müller`,
        email: 'a@example.org',
        line1: `${MARK}gasse 1`,
        postalCode: '75001',
        city: 'Paris',
        country: 'FR',
      },
      context.now(),
    )
    await issueDue(context)
    const [listed] = await store.documents({ organization, limit: 1 })
    if (listed === undefined) throw new Error('no invoice')
    return { organization, number: listed.number }
  }
  const erase = async (organization: string) => {
    const subject = { kind: 'organization', id: organization } as const
    return eraseSubject(context, { subject, at: context.now(), givesUpBalance: true })
  }
  const contentOf = async (number: string, from = store) =>
    (await from.document(number))?.content ?? null
  const textOf = (bytes: Uint8Array | null) => Buffer.from(bytes ?? []).toString('utf8')
  const keysOf = async (organization: string) =>
    (await store.documentKeys()).filter((key) => key.organization === organization)
  const opening = (number: string) =>
    ({ number, duty: 'tax-audit', reference: 'audit 7', by: 'anna', address: null }) as const

  describe(`${name}: sealed documents`, { timeout: SLOW_MS }, () => {
    beforeAll(openAll, SLOW_MS)
    beforeEach(begin)
    afterAll(closeAll)

    test('whom a document names is in no row in the clear, and what it comes to is in all lists', async () => {
      const { organization, number } = await invoiced()
      expect(await tablesWith(store, MARK)).toEqual([])
      expect(textOf(await contentOf(number))).toContain(`${MARK}gasse`)
      const [listed] = await store.documents({ organization, limit: 1 })
      const figures = readDocument(listed?.figures ?? new Uint8Array())
      expect(figures).toMatchObject({ number, totals: { grossCents: 100n } })
      expect(figures.buyer).toMatchObject({ id: organization, name: '', country: null })
      const year = { from: Date.UTC(2026, 0), to: Date.UTC(2027, 0) }
      expect(await vatReport(store, year)).toMatchObject([{ documents: 1, netCents: 100n }])
      const check = await verifyDocument(store, number)
      expect(check).toMatchObject({ sound: true, compared: 'document', differences: [] })
      expect(check.logged).toMatch(/^bafy/u)
    })

    test('each party has a key of its own, and another one each year', async () => {
      const [one, other] = [await invoiced(), await invoiced()]
      context.clock.now = Date.UTC(2027, 0, 5)
      await store.executeSql(
        `insert into subscription_invoice (id, organization, cents, vat_cents, credit_cents, period_start, period_end, paid_at)
         values ('later', $1, 500, 0, 500, $2, $3, $2)`,
        [one.organization, new Date(context.now()), new Date(context.now() + DAY_MS)],
      )
      await issueDue(context)
      const years = (await keysOf(one.organization)).map(({ year }) => year)
      expect(years.toSorted((a, b) => a - b)).toEqual([2026, 2027])
      const [theirs] = await keysOf(other.organization)
      const { rows } = await store.executeSql(
        `select encode(sealed, 'base64') as sealed from document where number = $1`,
        [one.number],
      )
      const [{ sealed }] = rows as [{ sealed: string }]
      expect(() =>
        openPersonal(
          Uint8Array.from(Buffer.from(theirs?.key ?? '', 'hex')),
          Uint8Array.from(Buffer.from(sealed, 'base64')),
        ),
      ).toThrow(expect.objectContaining({ code: 'HANSE_LOG_SEALED' }))
    })

    test('an export of the party has what its documents say, until only duties may open them', async () => {
      const { organization } = await invoiced()
      const subject = { kind: 'organization', id: organization } as const
      const exported = async () => (await store.exportPage(subject, 'document', null)).rows[0]
      expect(await exported()).toContain(`${MARK}gasse`)
      await erase(organization)
      const after = JSON.parse((await exported()) ?? '') as Record<string, unknown>
      expect(after).toMatchObject({ content: null, sealed: null, organization })
      expect(after.figures).toMatchObject({ buyer: { id: organization, name: '' } })
    })

    test('what is sealed cannot be changed, opened or taken away', async () => {
      await invoiced()
      for (const statement of [
        'update document set sealed = sealed',
        "update document set content = convert_to('x', 'UTF8'), sealed = null, sealed_by = null, figures = null",
        "update document set figures = convert_to('{}', 'UTF8')",
        'delete from document',
      ]) {
        const fault = await store.executeSql(statement).catch((error: unknown) => error)
        expect([statement, databaseFault(fault)?.code]).toEqual([
          statement,
          expect.stringMatching(/^(?:P0001|23001)$/u),
        ])
      }
    })

    test('after an erasure only a duty opens it, with the key that is in the vault, and that is written down', async () => {
      const { organization, number } = await invoiced()
      const before = textOf(await contentOf(number))
      await erase(organization)
      expect(await contentOf(number)).toBeNull()
      expect(await keysOf(organization)).toMatchObject([{ key: null, restrictedAt: NOW }])
      const { documents } = await readVault(context.vault)
      const kept = documents.filter((one) => one.organization === organization)
      expect(kept).toMatchObject([{ key: null, boxed: expect.any(String) }])
      // The sums are there, and are derived again.
      expect(await verifyDocument(store, number)).toMatchObject({
        sound: true,
        compared: 'figures',
      })

      const opened = await openForDuty(context, opening(number))
      expect(JSON.parse(before)).toMatchObject({ buyer: { name: opened.buyer.name } })
      expect(opened.buyer.street).toContain(MARK)
      const [entry] = await store.accessEntries({ organization, limit: 1 })
      expect(entry).toMatchObject({
        actor: 'anna',
        action: 'document-opened',
        targets: { number, duty: 'tax-audit', reference: 'audit 7' },
      })
      const told = "select count(*)::int4 as n from log_event where kind = 'document-opened'"
      const { rows: once } = await store.executeSql(told)
      expect(once).toEqual([{ n: 1 }])

      // Kept elsewhere, the duty key opens nothing here, and nothing is written down.
      await rename(join(context.vault, 'duty.key'), join(folder, 'duty.key'))
      await expect(openForDuty(context, opening(number))).rejects.toMatchObject({
        code: 'HANSE_DUTY_KEY',
      })
      expect((await store.executeSql(told)).rows).toEqual(once)
      // Another one is not made instead of it.
      await keepVault(store, context.vault)
      await expect(readFile(join(context.vault, 'duty.key'))).rejects.toMatchObject({
        code: 'ENOENT',
      })
      await rename(join(folder, 'duty.key'), join(context.vault, 'duty.key'))
    })

    test('what is written about who was erased is for duties from the beginning', async () => {
      const { organization } = await invoiced()
      await erase(organization)
      await store.executeSql(
        `insert into subscription_invoice (id, organization, cents, vat_cents, credit_cents, period_start, period_end, paid_at)
         values ('after', $1, 500, 0, 500, $2, $3, $2)`,
        [organization, new Date(NOW), new Date(NOW + DAY_MS)],
      )
      await issueDue(context)
      const keys = await keysOf(organization)
      expect(keys).toHaveLength(2)
      for (const { key, boxed } of keys) expect([key, boxed === null]).toEqual([null, false])
      const [listed] = await store.documents({ organization, limit: 1 })
      const { buyer } = await openForDuty(context, opening(listed?.number ?? ''))
      expect(buyer.id).toBe(organization)
    })

    test('nobody opens for a duty what everybody may read, or what is not there', async () => {
      const { number } = await invoiced()
      await expect(openForDuty(context, opening(number))).rejects.toMatchObject({
        code: 'HANSE_REQUEST_INVALID',
      })
      await expect(openForDuty(context, opening('INV-2026-999999'))).rejects.toMatchObject({
        code: 'HANSE_NOT_FOUND',
      })
    })
  })

  describe(`${name}: documents over time`, { timeout: SLOW_MS }, () => {
    beforeEach(async () => {
      await openAll()
      begin()
    }, SLOW_MS)
    afterEach(closeAll)

    test('what an older release wrote waits for it to end, is sealed then, and is gone from the rows', async () => {
      await store.executeSql("update document_sealing set since = now() + interval '1 day'")
      const { number } = await invoiced()
      // As the older release reads it; it could not start any more once something is sealed.
      expect(await tablesWith(store, MARK)).toEqual(['document'])
      const before = await contentOf(number)
      const run = () => sealDocuments(context, new AbortController().signal)
      expect(await run()).toEqual({ sealed: 0, waits: true, swept: false })
      const breaking = async () =>
        (
          await store.executeSql(
            "select breaking from migration where name = '0036_sealed-documents.sql'",
          )
        ).rows
      expect(await breaking()).toEqual([{ breaking: false }])

      // Who is erased while it waits is sealed for duties.
      const gone = await invoiced()
      await erase(gone.organization)

      await store.executeSql('update document_sealing set since = now()')
      const waiting = Number(
        (
          (await store.executeSql('select count(*)::int4 as n from document')).rows as {
            n: number
          }[]
        )[0]?.n,
      )
      expect(await run()).toEqual({ sealed: waiting, waits: false, swept: true })
      expect(await run()).toEqual({ sealed: 0, waits: false, swept: false })
      expect(await breaking()).toEqual([{ breaking: true }])
      expect(await tablesWith(store, MARK)).toEqual([])
      expect(await contentOf(number)).toEqual(before)
      expect(await verifyDocument(store, number)).toMatchObject({ sound: true })
      expect(await contentOf(gone.number)).toBeNull()
      expect(await keysOf(gone.organization)).toMatchObject([{ key: null, year: 2026 }])
      expect((await openForDuty(context, opening(gone.number))).buyer.street).toContain(MARK)
    })

    test('a document that was changed in the clear is not sealed as if it were the one that was issued', async () => {
      await store.executeSql("update document_sealing set since = now() + interval '1 day'")
      const { number } = await invoiced()
      const trigger = (what: string) =>
        store.executeSql(`alter table document ${what} trigger document_is_immutable`)
      await trigger('disable')
      await store.executeSql('alter table document drop constraint document_hash')
      await store.executeSql(
        `update document set content = convert_to(replace(convert_from(content, 'UTF8'), '"100"', '"900"'), 'UTF8')
         where number = $1`,
        [number],
      )
      await trigger('enable')
      await store.executeSql('update document_sealing set since = now()')
      await expect(sealDocuments(context, new AbortController().signal)).rejects.toThrow(
        `${number} is not what was issued`,
      )
    })

    test('a backup has documents sealed, and a restore has the keys as the vault has them by then', async () => {
      const [gone, stays] = [await invoiced(), await invoiced()]
      const made = await newBackup(store, join(folder, 'backups'), context.vault, NOW)
      const bare = join(folder, 'bare')
      await expect(restore(made.folder, bare, await target())).rejects.toMatchObject({
        code: 'HANSE_BACKUP_VAULT',
      })
      await erase(gone.organization)
      const options = await target()
      expect(await restore(made.folder, context.vault, options)).toMatchObject(WHOLE)
      await using restored = await openStore(options)
      expect(await contentOf(gone.number, restored)).toBeNull()
      expect(textOf(await contentOf(stays.number, restored))).toContain(MARK)
      const opened = await openForDuty({ ...context, store: restored }, opening(gone.number))
      expect(opened.buyer.street).toContain(MARK)
    })

    test('a backup that an older release made is restored sealed', async () => {
      await store.executeSql("update document_sealing set since = now() + interval '1 day'")
      const { number } = await invoiced()
      const before = await contentOf(number)
      const made = await newBackup(store, join(folder, 'backups'), context.vault, NOW)
      const options = await target()
      expect(await restore(made.folder, context.vault, options)).toMatchObject(WHOLE)
      await using restored = await openStore(options)
      const clear = await restored.executeSql('select from document where content is not null')
      expect(clear.rows).toEqual([])
      expect(await tablesWith(restored, MARK)).toEqual([])
      expect(await contentOf(number, restored)).toEqual(before)
    })

    test('when the years of the law are over the key is destroyed, here and in the vault, and not a day before', async () => {
      const { organization, number } = await invoiced()
      const made = await newBackup(store, join(folder, 'backups'), context.vault, NOW)
      await erase(organization)
      const retain = () => runRetention(context, { by: 'anna' })
      const state = async () => ({
        documents: (await store.documents({ organization, limit: 10 })).length,
        keys: (await keysOf(organization)).length,
      })
      // Issued in 2026: ten years begin with the end of it.
      context.clock.now = Date.UTC(2036, 11, 31, 23, 59, 59, 999)
      await retain()
      expect(await state()).toEqual({ documents: 1, keys: 1 })
      expect((await openForDuty(context, opening(number))).number).toBe(number)

      context.clock.now = Date.UTC(2037, 0, 1)
      const { id } = await store.placeLegalHold({
        scope: 'organization',
        subject: organization,
        reason: 'a claim',
        by: 'anna',
        at: context.now(),
      })
      await retain()
      expect(await state()).toEqual({ documents: 1, keys: 1 })
      await store.releaseLegalHold(id, 'anna', context.now())
      await retain()
      expect(await state()).toEqual({ documents: 0, keys: 0 })
      await expect(openForDuty(context, opening(number))).rejects.toMatchObject({
        code: 'HANSE_NOT_FOUND',
      })
      const { documents } = await readVault(context.vault)
      expect(documents).toMatchObject([
        { key: null, boxed: null, organization: null, destroyedAt: context.now() },
      ])
      // A backup of then brings the row back, and nothing opens it.
      const options = await target()
      expect(await restore(made.folder, context.vault, options)).toMatchObject(WHOLE)
      await using restored = await openStore(options)
      expect(await contentOf(number, restored)).toBeNull()
      await expect(
        openForDuty({ ...context, store: restored }, opening(number)),
      ).rejects.toMatchObject({ code: 'HANSE_NOT_FOUND' })
    })
  })
}
