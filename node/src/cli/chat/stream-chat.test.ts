import assert from 'node:assert/strict'
import { formatEuro } from '@hanse/protocol'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { openGateway, type TestGateway } from '../../gateway/testing/open-gateway.ts'
import { delta, MODEL, ScriptedEngine, saying } from '../../gateway/testing/scripted-engine.ts'
import type { GatewayAccess } from '../gateway-client.ts'
import { answerLine } from './answer-line.ts'
import { marketModels, onlyModel } from './market-models.ts'
import { type StreamedAnswer, streamChat } from './stream-chat.ts'

const engine = new ScriptedEngine()
let gateway: TestGateway
let access: GatewayAccess

beforeAll(async () => {
  gateway = await openGateway([engine], { keys: { app: { models: [MODEL] } } })
  access = { gatewayUrl: gateway.url, apiKey: gateway.secrets.app }
})
afterAll(async () => await gateway?.[Symbol.asyncDispose]())

interface Heard {
  readonly answer: StreamedAnswer
  readonly text: string
  readonly thoughts: string
}

async function ask(
  content: string,
  { model = MODEL, onText }: { model?: string; onText?: (stop: AbortController) => void } = {},
): Promise<Heard> {
  const stop = new AbortController()
  let text = ''
  let thoughts = ''
  const messages = [{ role: 'user', content }]
  const answer = await streamChat(
    access,
    { model, messages, max_tokens: 50 },
    {
      signal: stop.signal,
      now: () => performance.now(),
      onText: (more) => {
        text += more
        onText?.(stop)
      },
      onReasoning: (more) => {
        thoughts += more
      },
    },
  )
  return { answer, text, thoughts }
}

/** What both sides signed for the session of an answer. */
const paidFor = ({ session }: StreamedAnswer) => gateway.market.store.session(session)?.amount

describe('an answer', () => {
  test('comes with who gave it and what it cost, for a key of the gateway', async () => {
    engine.on('hello', () => saying('Hel', 'lo', '!'))
    const { answer, text } = await ask('hello')
    assert.equal(text, 'Hello!')
    assert.equal(answer.text, text)
    assert.equal(answer.fault, undefined)
    assert.deepEqual([answer.inputTokens, answer.outputTokens], [5, 3])
    assert.ok(answer.cost !== undefined && answer.cost > 0n)
    assert.equal(answer.cost, paidFor(answer))
    const provider = answer.parts[0]?.provider.slice(-8)
    assert.match(
      answerLine(answer),
      new RegExp(`^test/scripted by …${provider} in [A-Z]{2} · 5 \\+ 3 tokens · .* EUR · `, 'u'),
    )
  })

  test('keeps what the model thinks apart', async () => {
    engine.on('think', function* () {
      yield delta({ role: 'assistant', content: '' })
      yield delta({ reasoning_content: 'Hm' })
      yield delta({ reasoning: '.' })
      yield* saying('Yes')
    })
    const { text, thoughts } = await ask('think')
    assert.deepEqual([text, thoughts], ['Yes', 'Hm.'])
  })

  test('that is stopped tells what its part cost', async () => {
    engine.on('long', async function* (_, signal) {
      yield delta({ content: 'one' })
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    })
    const { answer } = await ask('long', { onText: (stop) => stop.abort() })
    assert.equal(answer.fault?.code, 'HANSE_SESSION_CANCELLED')
    assert.equal(answer.text, 'one')
    assert.ok(answer.cost !== undefined && answer.cost > 0n)
    assert.equal(answer.cost, paidFor(answer))
  })

  test('that breaks off says why, and what its part cost', async () => {
    engine.on('break', function* () {
      yield delta({ content: 'one' })
      throw new Error('on fire')
    })
    const { answer } = await ask('break')
    assert.equal(answer.text, 'one')
    assert.ok(answer.fault?.code.startsWith('HANSE_'), answer.fault?.message)
    assert.equal(answer.cost, paidFor(answer))
    assert.ok(answerLine(answer).includes(formatEuro(paidFor(answer) ?? assert.fail())))
  })

  test('that nobody gives is an error with the words of the gateway, without its advice', async () => {
    await assert.rejects(ask('hi', { model: 'no/such' }), {
      code: 'HANSE_KEY_MODEL',
      message: `the key app may use ${MODEL}, and not no/such`,
    })
  })
})

describe('the models on offer', () => {
  test('are listed, and the only one need not be named', async () => {
    const models = await marketModels(access)
    assert.deepEqual(
      models.map(({ id }) => id),
      [MODEL],
    )
    assert.equal(onlyModel(models), MODEL)
  })

  test('have to be chosen from, where there are several or none', () => {
    const model = { id: 'a/b', offers: 1, countries: ['DE'], inputPrice: 1n, outputPrice: 2n }
    assert.throws(() => onlyModel([]), { code: 'HANSE_NO_PROVIDER' })
    assert.throws(() => onlyModel([model, { ...model, id: 'a/c' }]), /--model a\/b \| a\/c/u)
  })
})

test('an answer that went on elsewhere names both', () => {
  const part = (provider: string, country: string) => ({ provider, country })
  const line = answerLine({
    text: '',
    fault: undefined,
    finishReason: 'stop',
    inputTokens: 1,
    outputTokens: 9,
    cost: undefined,
    model: 'a/b',
    session: 's',
    parts: [part('12D3KooWabcdefgh', 'DE'), part('12D3KooWijklmnop', 'FR')],
    bundle: '',
    firstTextMs: undefined,
    textMs: 0,
  })
  assert.equal(line, 'a/b by …abcdefgh in DE, then …ijklmnop in FR · 1 + 9 tokens')
})
