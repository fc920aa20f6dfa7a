import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import {
  landmarkEcho,
  landmarkPing,
  landmarkSigners,
  openSigned,
  type PeerId,
  type Signer,
  signerOf,
  signRecord,
} from '@hanse/protocol'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { describe, expect, test } from 'vitest'
import { type FrameStream, type Network, seedOf } from '../network/index.ts'
import { openTestNetwork } from '../network/test-network.ts'
import { askLandmark } from './ask-landmark.ts'
import { Landmark, nextFrame } from './landmark.ts'
import { encodeRequest, encodeSigned, LANDMARK_PROTOCOL } from './landmark-messages.ts'

const NOW = Date.UTC(2026, 10, 2)
const FRANKFURT = { name: 'Frankfurt', latitude: 50.11, longitude: 8.68 }
const context = { network: 'test' }
const random = (bytes: number) => new Uint8Array(randomBytes(bytes))
const signal = () => AbortSignal.timeout(10_000)

async function openNode(
  stack: AsyncDisposableStack,
): Promise<{ readonly network: Network; readonly signer: Signer }> {
  const privateKey = await generateKeyPair('Ed25519')
  const network = stack.use(await openTestNetwork({ privateKey }))
  return { network, signer: signerOf(seedOf(privateKey)) }
}

/** @param monotonic of the landmark's clock */
async function open(stack: AsyncDisposableStack, monotonic = () => performance.now()) {
  const landmark = await openNode(stack)
  await new Landmark({
    position: FRANKFURT,
    context: { ...context, signer: landmark.signer },
    now: () => NOW,
    monotonic,
    random,
  }).serve(landmark.network)
  const provider = await openNode(stack)
  const ask = async (nonce: Uint8Array) =>
    await askLandmark(landmark.network.addresses(), {
      network: provider.network,
      context: { ...context, signer: provider.signer },
      nonce,
      signal: signal(),
    })
  return { landmark, provider, ask }
}

describe('a landmark', () => {
  test('signs the smallest round trip to who asked, with where it stands and the nonce', async () => {
    await using stack = new AsyncDisposableStack()
    // Each look at the clock is a step later; the fifth round takes three steps, the others ten.
    let looks = 0
    const clock = () => {
      const round = Math.floor(looks / 2)
      const isEnd = looks++ % 2 === 1
      return round * 1000 + (isEnd ? (round === 4 ? 3.0004 : 10) : 0)
    }
    const { landmark, provider, ask } = await open(stack, clock)
    const nonce = random(16)
    const signed = await ask(nonce)
    assert.deepEqual(openSigned(context, landmarkPing, signed, landmarkSigners).value, {
      landmark: landmark.signer.peerId,
      subject: provider.signer.peerId,
      latitudeE4: 501_100,
      longitudeE4: 86_800,
      roundTripUs: 3001,
      nonce,
      at: NOW,
      notAfter: NOW + 15 * 60_000,
    })
  })

  test('measures a real loopback as near', async () => {
    await using stack = new AsyncDisposableStack()
    const { ask } = await open(stack)
    const { value } = await ask(random(16))
    assert.ok(value.roundTripUs > 0 && value.roundTripUs < 10_000_000)
  })

  test('does not measure one peer again and again', async () => {
    await using stack = new AsyncDisposableStack()
    const { ask } = await open(stack)
    for (let i = 0; i < 4; i++) await ask(random(16))
    await assert.rejects(ask(random(16)))
  })

  type Answer = (challenge: Uint8Array, parties: Parties) => Uint8Array
  interface Parties {
    readonly landmark: PeerId
    readonly provider: Signer
    readonly other: Signer
    readonly first: Uint8Array
  }
  const echo = (signer: Signer, landmark: PeerId, challenge: Uint8Array, subject = signer.peerId) =>
    encodeSigned(
      signRecord(context, landmarkEcho, { landmark, subject, challenge }, 'provider', signer),
    )
  const wrong: readonly [string, Answer][] = [
    ['an echo from before', (_, { provider, landmark, first }) => echo(provider, landmark, first)],
    [
      'an echo before it could be known',
      (_, { provider, landmark }) => echo(provider, landmark, random(32)),
    ],
    [
      'the echo of another key, as of a proxy',
      (challenge, { other, landmark }) => echo(other, landmark, challenge),
    ],
    [
      'an echo forged in the name of the peer',
      (challenge, { other, provider, landmark }) =>
        echo(other, landmark, challenge, provider.peerId),
    ],
    [
      'an echo that was made for another landmark',
      (challenge, { provider, other }) => echo(provider, other.peerId, challenge),
    ],
    ['no echo at all', () => new Uint8Array([1, 2, 3])],
  ]
  test.each(wrong)('gives nothing for %s', async (_, answer) => {
    await using stack = new AsyncDisposableStack()
    const { landmark, provider } = await open(stack)
    const { frames } = await provider.network.openStream(
      landmark.network.addresses(),
      LANDMARK_PROTOCOL,
      { signal: signal() },
    )
    frames.write(encodeRequest(random(16)))
    const first = await nextFrame(frames)
    const parties = {
      landmark: landmark.signer.peerId,
      provider: provider.signer,
      other: signerOf(random(32)),
      first,
    }
    frames.write(echo(provider.signer, landmark.signer.peerId, first))
    frames.write(answer(await nextFrame(frames), parties))
    await expect(restOf(frames)).rejects.toThrow()
  })
})

/** Throws when the stream breaks, as it does where nothing was signed. */
async function restOf(frames: FrameStream): Promise<number> {
  let count = 0
  for await (const _ of frames) count++
  return count
}

describe('who is measured', () => {
  test.each([
    ['for another nonce', { nonce: new Uint8Array(16) }],
    ['of another subject', { subject: signerOf(new Uint8Array(32).fill(3)).peerId }],
  ])('takes no measurement %s', async (_, changes) => {
    await using stack = new AsyncDisposableStack()
    const landmark = await openNode(stack)
    const provider = await openNode(stack)
    await landmark.network.handle(LANDMARK_PROTOCOL, async (frames) => {
      await nextFrame(frames)
      for (let round = 0; round < 8; round++) {
        frames.write(random(32))
        await nextFrame(frames)
      }
      const value = {
        landmark: landmark.signer.peerId,
        subject: provider.signer.peerId,
        latitudeE4: 0,
        longitudeE4: 0,
        roundTripUs: 1,
        nonce: new Uint8Array(16).fill(1),
        at: NOW,
        notAfter: NOW + 1,
        ...changes,
      }
      frames.write(
        encodeSigned(signRecord(context, landmarkPing, value, 'landmark', landmark.signer)),
      )
      await frames.end()
    })
    const asked = askLandmark(landmark.network.addresses(), {
      network: provider.network,
      context: { ...context, signer: provider.signer },
      nonce: new Uint8Array(16).fill(1),
      signal: signal(),
    })
    await assert.rejects(asked, { code: 'HANSE_SIGNATURE_INVALID' })
  })
})
