import assert from 'node:assert/strict'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { createLibp2p } from 'libp2p'
import { test } from 'vitest'
import { tellProtocolsOnce } from './known-protocols.ts'

test('the peer store is told a protocol once a minute, and again after anybody changed the peer', async () => {
  const { peerStore } = await createLibp2p({ start: false })
  let told = 0
  const merge = peerStore.merge.bind(peerStore)
  peerStore.merge = async (...all) => {
    told++
    return await merge(...all)
  }
  let now = 0
  tellProtocolsOnce(peerStore, () => now)
  const id = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
  const tell = async (protocol: string) => await peerStore.merge(id, { protocols: [protocol] })

  await tell('/one')
  assert.deepEqual((await tell('/one')).protocols, ['/one'])
  assert.equal(told, 1)
  assert.deepEqual((await tell('/two')).protocols.toSorted(), ['/one', '/two'])
  assert.equal(told, 2)

  await peerStore.patch(id, { protocols: [] })
  assert.deepEqual((await tell('/one')).protocols, ['/one'])
  assert.equal(told, 3)

  now += 60_000
  await tell('/one')
  assert.equal(told, 4)
})
