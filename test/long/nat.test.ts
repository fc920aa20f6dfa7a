import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { describe, test } from 'vitest'
import { canMakeNamespaces, Namespaces } from '../support/namespaces.ts'
import { MODEL, NatLab } from '../support/nat-lab.ts'
import { type Streamed, streamAnswer } from '../support/stream-answer.ts'

const CLIENT = fileURLToPath(new URL('../support/stream-answer.ts', import.meta.url))
const LOOPBACK = ['/ip4/127.0.0.1/tcp/0']
/** What libp2p lets a relayed connection carry when nobody says otherwise. */
const LIBP2P_BYTES = 128 * 1024
const HIDDEN = ['--listen', '/p2p-circuit', '--relay', 'on']

/** One answer from a provider that accepts no connection, through a relay that is run with `relayArgs`. */
async function throughRelay(
  relayArgs: readonly string[],
  { tokens, tokensPerSecond }: { tokens: number; tokensPerSecond: number },
): Promise<Streamed & { peerId: string }> {
  await using lab = new NatLab()
  const engineUrl = await lab.engine(tokensPerSecond)
  const relay = await lab.relay(LOOPBACK, relayArgs)
  const bootstrap = relay.addresses[0] ?? ''
  const { peerId } = await lab.provider(bootstrap, engineUrl, HIDDEN)
  const gatewayUrl = await lab.gateway(bootstrap)
  return { ...(await streamAnswer(gatewayUrl, MODEL, tokens)), peerId }
}

describe('a provider that accepts no connection', () => {
  test('is reached through hanse relay as it comes, for more than 128 KiB of answer', async () => {
    const answer = await throughRelay([], { tokens: 4_000, tokensPerSecond: 1_500 })
    assert.equal(answer.provider, answer.peerId)
    assert.equal(answer.tokens, 4_000)
    assert.ok(answer.bytes > 2 * LIBP2P_BYTES, `${answer.bytes} bytes`)
    assert.equal(answer.whole, true)
  })

  test('is cut off where a relay with libp2p’s limit of bytes ends', async () => {
    const answer = await throughRelay(['--relay-data-limit', `${LIBP2P_BYTES}`], {
      tokens: 4_000,
      tokensPerSecond: 1_500,
    })
    assert.equal(answer.whole, false)
    assert.ok(answer.tokens > 0 && answer.tokens < 4_000, `${answer.tokens} tokens`)
  })

  test('is cut off where a relay that ends connections early ends, and not by hanse relay', async () => {
    const long = { tokens: 900, tokensPerSecond: 100 }
    const cut = await throughRelay(['--relay-duration-ms', '4000'], long)
    assert.equal(cut.whole, false)
    assert.ok(cut.tokens < long.tokens, `${cut.tokens} tokens`)
    const whole = await throughRelay([], long)
    assert.equal(whole.whole, true)
    assert.equal(whole.tokens, long.tokens)
  })
})

// Only root may make namespaces; the tests above show the same on loopback wherever they run.
if (canMakeNamespaces()) {
  test('a provider and a gateway in networks without a way to each other meet at a relay', async () => {
    using net = new Namespaces()
    await using lab = new NatLab()
    assert.equal(net.hasRoute(net.right, '10.77.1.2'), false)
    const [left, right] = [{ under: net.under(net.left) }, { under: net.under(net.right) }]
    const port = 4101
    const listen = [`/ip4/0.0.0.0/tcp/${port}`]
    const relay = await lab.relay(listen, ['--lan', 'on'], { under: net.under(net.relay) })
    const id = relay.addresses[0]?.split('/p2p/')[1]
    const bootstrap = (side: 'left' | 'right') => `/ip4/${net.relayIps[side]}/tcp/${port}/p2p/${id}`
    // As it comes: it listens on loopback, finds that nobody can dial it, and asks the relay for a place.
    const engineUrl = await lab.engine(1_500, left)
    const { peerId } = await lab.provider(bootstrap('left'), engineUrl, [], left)
    const gatewayUrl = await lab.gateway(bootstrap('right'), right)
    const answer = await lab.ask(CLIENT, [gatewayUrl, MODEL, '4000'], right)
    assert.equal(answer.provider, peerId)
    assert.equal(answer.tokens, 4_000)
    assert.equal(answer.whole, true)
    assert.ok(Number(answer.bytes) > 2 * LIBP2P_BYTES)
  })
}
