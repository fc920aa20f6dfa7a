import { appendFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { SettlementStore } from '../db/store.ts'
import type { VaultDocumentKey } from '../documents/vault-document-keys.ts'
import { tombstoneOfOwner } from '../rights/tombstone.ts'
import { keepVault, readVault, type VaultKey, type VaultTombstone } from './vault.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-vault-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const storeOf = (
  keys: readonly VaultKey[],
  tombstones: readonly VaultTombstone[],
  documents: readonly VaultDocumentKey[] = [],
) =>
  ({
    livingSubjectKeys: async () => keys,
    tombstones: async () => tombstones,
    boxDocumentKeys: async () => 0,
    documentKeys: async () => documents,
  }) as unknown as SettlementStore

const keyOf = (owner: string, digit: string): VaultKey => ({
  owner,
  subject: digit.repeat(32),
  key: digit.repeat(64),
  createdAt: 1,
})
const ALICE = keyOf('person/alice', 'a')
const BOB = keyOf('person/bob', 'b')
const GONE: VaultTombstone = {
  tombstone: tombstoneOfOwner(ALICE.owner),
  subject: ALICE.subject,
  kind: 'person',
  at: 2,
}

test('who was erased loses the key here, too, and nobody else does', async () => {
  await keepVault(storeOf([ALICE, BOB], []), folder)
  expect(await keepVault(storeOf([BOB], [GONE]), folder)).toEqual({
    keys: [BOB],
    tombstones: [GONE],
    documents: [],
  })
  expect(await readVault(folder)).toEqual({ keys: [BOB], tombstones: [GONE], documents: [] })
  expect(await readFile(join(folder, 'keys.jsonl'), 'utf8')).not.toContain(ALICE.key)
  expect((await stat(join(folder, 'keys.jsonl'))).mode & 0o777).toBe(0o600)
})

test('a database that is empty, or was set back, takes nothing out and brings nobody back', async () => {
  await keepVault(storeOf([ALICE, BOB], []), folder)
  await keepVault(storeOf([BOB], [GONE]), folder)
  expect((await keepVault(storeOf([], []), folder)).keys).toEqual([BOB])
  expect((await keepVault(storeOf([ALICE, BOB], []), folder)).keys).toEqual([BOB])
})

test('a line that a crash cut off is written again, and one that was changed is refused', async () => {
  await keepVault(storeOf([BOB], []), folder)
  await appendFile(join(folder, 'erasures.jsonl'), '{"tombstone":"ab')
  await keepVault(storeOf([BOB], [GONE]), folder)
  expect((await readVault(folder)).tombstones).toEqual([GONE])
  await appendFile(join(folder, 'keys.jsonl'), '{"owner":"nobody"}\n')
  await expect(readVault(folder)).rejects.toMatchObject({ code: 'HANSE_BACKUP_VAULT' })
})

test('of several at once none undoes what another did', async () => {
  await keepVault(storeOf([ALICE, BOB], []), folder)
  const all = Array.from({ length: 10 }, (_, i) =>
    keepVault(i % 2 === 0 ? storeOf([ALICE, BOB], []) : storeOf([BOB], [GONE]), folder),
  )
  await Promise.all(all)
  expect((await readVault(folder)).keys).toEqual([BOB])
})
