import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { HanseError, parsePrice, picoEuro } from '@hanse/protocol'
import { NOW } from '@hanse/protocol/testing'
import { describe, test } from 'vitest'
import { NodeStore } from '../../store/node-store.ts'
import type { SpendRow } from '../../store/spend-store.ts'
import { RefusedAtGate, type RequestEnd, type RequestFacts } from '../request-gate.ts'
import { keepSession } from '../testing/kept-session.ts'
import { KeyBook } from './key-book.ts'
import { KeyGate, type KeyGateOptions } from './key-gate.ts'
import type { KeyTerms } from './key-terms.ts'
import { SpendLedger } from './spend-ledger.ts'

const HERE = '127.0.0.1'
const CHAT = '/v1/chat/completions'
const WRONG = `hanse_sk_${'x'.repeat(43)}`
const FACTS: RequestFacts = {
  id: 'req_1',
  kind: 'chat',
  model: 'hanse/tiny-v1:f16',
  fallbackModels: [],
  stream: true,
  choices: 1,
  maxOutputTokens: 100,
  bodyBytes: 400,
  tags: [],
  user: undefined,
}
const END: RequestEnd = {
  status: 200,
  error: undefined,
  replayed: false,
  inputTokens: 10,
  outputTokens: 20,
  sessions: [],
}

/** A gate with real keys, whose clock goes by hand. */
class Door implements Disposable {
  now = NOW
  readonly store = new NodeStore(':memory:')
  readonly ledger: SpendLedger
  readonly book: KeyBook
  readonly gate: KeyGate

  constructor(options: Partial<KeyGateOptions> = {}, nodeBudget?: bigint) {
    const now = () => this.now
    this.ledger = new SpendLedger(this.store.spend, {
      now,
      budget:
        nodeBudget === undefined ? undefined : { limit: picoEuro(nodeBudget), period: 'month' },
    })
    this.book = new KeyBook(this.store.keys, {
      now,
      random: (bytes) => randomBytes(bytes),
      onChange: (key) => this.gate.keyChanged(key),
    })
    this.gate = new KeyGate({
      book: this.book,
      ledger: this.ledger,
      masterKey: undefined,
      anonymous: 'auto',
      defaultMaxTokens: 4_096,
      keyOf: (session) => this.store.spend.keyOf(session),
      requireBasis: () => {},
      now,
      ...options,
    })
  }

  [Symbol.dispose](): void {
    this.store[Symbol.dispose]()
  }

  knock(key: string | undefined, path = CHAT, address = HERE) {
    return this.gate.authenticate({ method: 'POST', path, key, address })
  }

  /** A request on a new key with these terms. */
  keyed(terms: Partial<KeyTerms>) {
    const { key, secret } = this.book.create('anna', terms)
    const ask = (facts: Partial<RequestFacts> = {}) =>
      this.gate.admit(this.knock(secret), { ...FACTS, ...facts })
    return { key, secret, ask }
  }
}

async function rowsOf({ spend }: NodeStore): Promise<SpendRow[]> {
  const rows: SpendRow[] = []
  for await (const row of spend.rows(NOW, NOW + 1)) rows.push(row)
  return rows
}

/** Why a request was stopped. */
const stopOf = (signal: AbortSignal | undefined): unknown =>
  signal?.reason instanceof HanseError && signal.reason.code

const code = (run: () => unknown): string => fault(run).code

function fault(run: () => unknown): HanseError {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof HanseError, String(error))
    return error
  }
  assert.fail('nothing was refused')
}

describe('without a key comes in, as the owner,', () => {
  test('everybody until the first key is made, and nobody after it, revoked or not', () => {
    using door = new Door()
    for (const key of [undefined, 'unused', 'sk-anything'])
      assert.deepEqual(door.knock(key), { id: 'owner', owner: true })
    door.keyed({})
    for (const key of [undefined, 'unused'])
      assert.equal(
        code(() => door.knock(key)),
        'HANSE_UNAUTHENTICATED',
      )
    door.book.revoke('anna')
    assert.equal(
      code(() => door.knock(undefined)),
      'HANSE_UNAUTHENTICATED',
    )
  })

  test('everybody with --anonymous on, but nobody whose key was one', () => {
    using door = new Door({ anonymous: 'on' })
    const { secret } = door.keyed({})
    assert.equal(door.knock('unused').owner, true)
    door.book.revoke('anna')
    for (const key of [secret, WRONG])
      assert.equal(
        code(() => door.knock(key)),
        'HANSE_UNAUTHENTICATED',
      )
  })

  test('nobody with --anonymous off, nor beside a key of the owner’s', () => {
    for (const options of [{ anonymous: 'off' }, { masterKey: 'secret' }] as const) {
      using door = new Door(options)
      assert.equal(
        code(() => door.knock(undefined)),
        'HANSE_UNAUTHENTICATED',
      )
    }
  })
})

describe('the owner’s own key', () => {
  test('opens every path, whatever it looks like', () => {
    for (const masterKey of ['secret', WRONG]) {
      using door = new Door({ masterKey })
      assert.equal(door.knock(masterKey, '/hanse/v1/sessions').owner, true)
    }
  })

  test('is not to be guessed: after thirty tries an address waits, and others do not', () => {
    using door = new Door({ masterKey: 'secret' })
    for (let i = 0; i < 30; i++)
      assert.equal(
        code(() => door.knock(`guess ${i}`)),
        'HANSE_UNAUTHENTICATED',
      )
    const refused = fault(() => door.knock('secret'))
    assert.equal(refused.code, 'HANSE_RATE_LIMITED')
    assert.equal(door.knock('secret', CHAT, '192.0.2.7').owner, true)
    door.now += refused.retryAfterMs ?? 0
    assert.equal(door.knock('secret').owner, true)
  })

  test('is not locked out by a program with a key of old, nor are other keys', () => {
    using door = new Door({ masterKey: 'secret' })
    const { secret } = door.keyed({})
    for (let i = 0; i < 100; i++)
      assert.equal(
        code(() => door.knock(WRONG)),
        'HANSE_UNAUTHENTICATED',
      )
    assert.equal(door.knock('secret').owner, true)
    for (let i = 0; i < 31; i++) fault(() => door.knock('guess'))
    assert.equal(door.knock(secret).owner, false)
  })
})

describe('a key', () => {
  test.each([
    ['is revoked', 'HANSE_UNAUTHENTICATED', (d: Door) => d.book.revoke('anna')],
    ['is switched off', 'HANSE_FORBIDDEN', (d: Door) => d.book.update('anna', { disabled: true })],
    ['has ended', 'HANSE_KEY_EXPIRED', (d: Door) => d.book.update('anna', { expiresAt: NOW })],
    ['has another secret', 'HANSE_UNAUTHENTICATED', (d: Door) => d.book.rotate('anna', 0)],
  ])('that %s is told so, by %s', (_what, expected, change) => {
    using door = new Door()
    const { secret } = door.keyed({ expiresAt: NOW + 1 })
    door.knock(secret)
    change(door)
    assert.equal(
      code(() => door.knock(secret)),
      expected,
    )
  })

  test('ends in the moment that was said', () => {
    using door = new Door()
    const { secret } = door.keyed({ expiresAt: NOW + 1 })
    door.now = NOW + 1
    assert.equal(
      code(() => door.knock(secret)),
      'HANSE_KEY_EXPIRED',
    )
  })

  test('opens the API, the market, and sessions of its own', () => {
    using door = new Door()
    const { secret, key } = door.keyed({})
    const attribute = (of: string) =>
      keepSession(door.store, {
        amount: 1n,
        begin: (session) => door.store.spend.attribute({ session, key: of, at: NOW, tags: [] }),
      })
    const [own, other, ownerless] = [
      attribute(key.id),
      attribute('key_other'),
      keepSession(door.store, { amount: 1n }),
    ]
    for (const path of ['/', '/v1/models', '/api/tags', '/hanse/v1/offers', '/hanse/v1/spend'])
      assert.equal(door.knock(secret, path).id, key.id)
    for (const path of ['bundles', 'sessions']) {
      door.knock(secret, `/hanse/v1/${path}/${own}`)
      for (const session of [other, ownerless, '', `${own}/..`])
        assert.equal(
          code(() => door.knock(secret, `/hanse/v1/${path}/${session}`)),
          'HANSE_FORBIDDEN',
        )
    }
    for (const path of ['/hanse/v1/sessions', '/hanse/v1/consent', '/metrics', '/hanse/v1/spend/x'])
      assert.equal(
        code(() => door.knock(secret, path)),
        'HANSE_FORBIDDEN',
      )
  })
})

describe('a request on a key', () => {
  test('may ask for its models alone, in any case and also as a fallback', () => {
    using door = new Door()
    const { ask, secret } = door.keyed({ models: ['hanse/*', 'mistral-small'] })
    ask()
    ask({ model: 'Mistral-Small' })
    assert.equal(
      code(() => ask({ model: 'gpt-4o' })),
      'HANSE_KEY_MODEL',
    )
    assert.equal(
      code(() => ask({ fallbackModels: ['hanse/x', 'gpt-4o'] })),
      'HANSE_KEY_MODEL',
    )
    const { mayUse } = door.knock(secret)
    assert.deepEqual(
      ['hanse/x', 'gpt-4o'].map((model) => mayUse?.(model)),
      [true, false],
    )
  })

  test('goes where its key allows, for its prices, and carries its tags before its own', async () => {
    using door = new Door()
    const { ask, key } = door.keyed({
      regions: ['EU'],
      maxOutputPrice: parsePrice('0.20 EUR/Mtok'),
      tags: ['team-a', 'prod'],
      budget: picoEuro(100n),
    })
    const { limits, account } = ask({ tags: ['prod', 'job-7'] })
    assert.deepEqual(limits, { regions: ['EU'], maxOutputPrice: parsePrice('0.20 EUR/Mtok') })
    const reservation = account?.reserve(picoEuro(60n))
    keepSession(door.store, { amount: 50n, begin: (id) => reservation?.begin(id) })
    reservation?.release()
    const rows = await rowsOf(door.store)
    assert.deepEqual(
      rows.map(({ tags }) => tags),
      [['team-a', 'prod', 'job-7']],
    )
    assert.equal(door.ledger.state(key.id)?.spent, 50n)
  })

  test('is refused by rates, with headers that say when to come again', () => {
    using door = new Door()
    const { ask } = door.keyed({ requestsPerMinute: 2, tokensPerMinute: 10_000 })
    const { headers, onEnd } = ask()
    assert.equal(headers?.['x-ratelimit-remaining-requests'], '1')
    assert.equal(headers?.['x-ratelimit-remaining-tokens'], '9800')
    onEnd?.(END)
    assert.equal(ask().headers?.['x-ratelimit-remaining-tokens'], '9770')
    const refused = fault(() => ask())
    assert.ok(refused instanceof RefusedAtGate)
    assert.equal(refused.code, 'HANSE_RATE_LIMITED')
    assert.equal(refused.retryAfterMs, 30_000)
    assert.equal(refused.headers['x-ratelimit-limit-requests'], '2')
    assert.equal(refused.headers['x-ratelimit-remaining-requests'], '0')
    assert.equal(refused.headers['x-ratelimit-reset-requests'], '1m0s')
    door.now += 30_000
    ask()
  })

  test('waits for others to end where only so many may run at once', () => {
    using door = new Door()
    const { ask } = door.keyed({ parallel: 2 })
    const [first] = [ask(), ask()]
    assert.match(fault(() => ask()).message, /2 requests at once/u)
    first.onEnd?.(END)
    ask()
    assert.equal(
      code(() => ask()),
      'HANSE_RATE_LIMITED',
    )
  })

  test('uses no tokens of its rate when it is answered from what was kept', () => {
    using door = new Door()
    const { ask } = door.keyed({ tokensPerMinute: 1_000 })
    ask().onEnd?.({ ...END, replayed: true })
    assert.equal(ask().headers?.['x-ratelimit-remaining-tokens'], '800')
  })

  test.each([
    ['what it asks for, where nothing is counted', {}, 100, undefined],
    ['no end, where nothing is counted', {}, undefined, undefined],
    ['the most of its key', { maxOutputTokens: 50 }, 100, 50],
    [
      'the usual, where a budget counts and nobody says',
      { budget: picoEuro(1n) },
      undefined,
      4_096,
    ],
    ['what it asks for, where a budget counts', { budget: picoEuro(1n) }, 100_000, undefined],
  ] as const)('has an answer of %s', (_what, terms, asked, expected) => {
    using door = new Door()
    const { ask } = door.keyed(terms)
    assert.equal(ask({ maxOutputTokens: asked }).maxOutputTokens, expected)
  })

  test('has the usual end where the whole gateway has a budget, and so has the owner’s own', () => {
    using door = new Door({ masterKey: 'secret' }, 100n)
    const { ask } = door.keyed({})
    const owner = door.gate.admit(door.knock('secret'), { ...FACTS, maxOutputTokens: undefined })
    for (const admitted of [ask({ maxOutputTokens: undefined }), owner]) {
      assert.equal(admitted.maxOutputTokens, 4_096)
      const dear = fault(() => admitted.account?.reserve(picoEuro(101n)))
      assert.equal(dear.code, 'HANSE_BUDGET_EXHAUSTED')
      assert.match(dear.message, /max_tokens was not given, so 4096 tokens count/u)
    }
  })

  test('is stopped when its key is revoked or switched off, and others go on', () => {
    using door = new Door()
    const { ask } = door.keyed({})
    const other = door.gate.admit(door.knock(door.book.create('bert', {}).secret), FACTS)
    const [first, second] = [ask(), ask()]
    first.onEnd?.(END)
    door.book.update('anna', { disabled: true })
    assert.equal(stopOf(second.signal), 'HANSE_FORBIDDEN')
    assert.equal(first.signal?.aborted, false)
    door.book.update('anna', { disabled: false })
    const third = ask()
    door.book.revoke('anna')
    assert.equal(stopOf(third.signal), 'HANSE_UNAUTHENTICATED')
    assert.equal(other.signal?.aborted, false)
  })

  test('is told between its key and its body that the key was revoked', () => {
    using door = new Door()
    const caller = door.knock(door.keyed({}).secret)
    door.book.revoke('anna')
    assert.equal(
      code(() => door.gate.admit(caller, FACTS)),
      'HANSE_UNAUTHENTICATED',
    )
  })
})

test('nothing is admitted without a lawful basis, and no rate is used for it', () => {
  let stands = false
  const requireBasis = () => {
    if (!stands) throw new HanseError('HANSE_CONSENT_REQUIRED', 'no lawful basis')
  }
  using door = new Door({ requireBasis, masterKey: 'secret' })
  const { ask } = door.keyed({ requestsPerMinute: 1 })
  assert.equal(
    code(() => ask()),
    'HANSE_CONSENT_REQUIRED',
  )
  assert.equal(
    code(() => door.gate.admit(door.knock('secret'), FACTS)),
    'HANSE_CONSENT_REQUIRED',
  )
  stands = true
  const { signal } = ask()
  door.gate.stopAll(new HanseError('HANSE_CONSENT_REQUIRED', 'withdrawn'))
  assert.equal(stopOf(signal), 'HANSE_CONSENT_REQUIRED')
})
