import { isEqual } from './bytes.ts'
import { write } from './cbor.ts'
import { type Attempt, fail, isTrusted, type Parts, type Trust } from './checks.ts'
import type { Fields } from './fields.ts'
import { namedSigners, type Opened } from './records.ts'
import { checkResidency } from './residency.ts'
import { checkSettlement } from './settled.ts'

/** The same totals, from one receipt to the next. */
const TOTALS = ['inputTokens', 'outputTokens', 'amount'] as const
const SKEW_MS = 60_000n
const QUOTES_MAX = 3

/** All that a session's records must be to each other. */
export function checkSession(parts: Parts, trust: Trust, attempt: Attempt): void {
  const openAs = (type: string, kind: string) =>
    parts.open(type, parts.one(kind), namedSigners(type))
  const order = attempt('order', () => openAs('hanse.order.v1', 'order'))
  const offer = attempt('offer', () => {
    const opened = openAs('hanse.offer.v1', 'offer')
    if (!opened.name.equals(order.fields.get('offer'))) fail('another offer')
    same(opened.fields, order.fields, 'provider')
    return opened
  })
  const model = attempt('prices', () => checkPrices(parts, offer.fields, order))
  const acceptance = attempt('acceptance', () => {
    const opened = openAs('hanse.acceptance.v1', 'acceptance')
    if (!order.name.equals(opened.fields.get('order'))) fail('another order')
    same(opened.fields, order.fields, 'provider', 'consumer')
    const promised = opened.fields.get('determinism')
    if (
      promised !== null &&
      opened.fields.map('determinism').text('digest') !== model.get('digest')
    )
      fail('other weights')
    return opened
  })
  const authorization = attempt('authorization', (unproved) => {
    const cited = order.fields.get('authorization')
    if (cited === null)
      return parts.all('authorization').length > 0 ? fail('one too many') : undefined
    const opened = openAs('hanse.spend-authorization.v1', 'authorization')
    if (!opened.name.equals(cited)) fail('another authorization')
    same(opened.fields, order.fields, 'provider', 'consumer')
    isTrusted(opened.fields.text('issuer'), trust.settlements, unproved)
    return opened
  })
  attempt('residency', (unproved) => {
    const at = acceptance.fields.int('at')
    checkResidency(parts, order.fields, offer.fields, at, trust.attestors, unproved)
  })
  const receipts = attempt('receipt-signatures', () => {
    const signers = (['provider', 'consumer'] as const).map((role) => ({
      role,
      signer: order.fields.text(role),
    }))
    const opened = parts.all('receipt').map((one) => parts.open('hanse.receipt.v1', one, signers))
    return opened.length > 0 ? opened : fail('no receipt')
  })
  attempt('receipt-chain', () => checkChain(receipts, acceptance))
  attempt('amounts', () => {
    for (const { fields } of receipts) {
      if (fields.int('amount') !== costOf(fields, order.fields)) fail('not tokens times price')
      if (fields.int('cachedInputTokens') > fields.int('inputTokens')) fail('more cached than read')
    }
  })
  attempt('limits', () =>
    checkLimits(receipts, order.fields, acceptance.fields, authorization?.fields),
  )
  attempt('times', () => {
    const at = acceptance.fields.int('at')
    if (at >= offer.fields.int('notAfter') + SKEW_MS) fail('after the offer')
    if (at < order.fields.int('issuedAt') - SKEW_MS) fail('before the order')
    if (at >= order.fields.int('notAfter') + SKEW_MS) fail('after the order')
    if (authorization !== undefined && at >= authorization.fields.int('notAfter'))
      fail('not authorized any more')
    let before = at
    for (const { fields } of receipts) {
      const dated = fields.int('at')
      if (dated < before || dated > acceptance.fields.int('notAfter')) fail('a receipt out of time')
      before = dated
    }
  })
  attempt('ending', (unproved) => {
    const finals = receipts.map(({ fields }) => fields.get('final'))
    if (finals.slice(0, -1).some((final) => final !== null)) fail('a receipt after the final one')
    if (finals.at(-1) === null) unproved()
  })
  const issuer = authorization?.fields.text('issuer')
  checkSettlement(parts, trust, attempt, { order, last: receipts.at(-1) ?? order, issuer })
}

function same(a: Fields, b: Fields, ...keys: readonly string[]): void {
  if (keys.some((key) => a.get(key) !== b.get(key))) fail('other peers')
}

function costOf(tokens: Fields, prices: Fields): bigint {
  return (
    tokens.int('inputTokens') * prices.int('inputPrice') +
    tokens.int('outputTokens') * prices.int('outputPrice')
  )
}

function checkChain(receipts: readonly Opened[], acceptance: Opened): void {
  for (const [i, { fields }] of receipts.entries()) {
    const before = receipts[i - 1]
    const previous = fields.get('previous')
    if (!acceptance.name.equals(fields.get('acceptance'))) fail('of another session')
    if (fields.int('sequence') !== BigInt(i)) fail('another number')
    if (before === undefined ? previous !== null : !before.name.equals(previous)) fail('not linked')
    const fell = TOTALS.some((key) => fields.int(key) < (before?.fields.int(key) ?? 0n))
    if (fell) fail('totals fell')
  }
}

function checkLimits(
  receipts: readonly Opened[],
  order: Fields,
  acceptance: Fields,
  authorization: Fields | undefined,
): void {
  const last = receipts.at(-1)?.fields ?? fail('no receipt')
  if (last.int('outputTokens') > order.int('maxOutputTokens')) fail('more than ordered')
  if (last.int('inputTokens') > acceptance.int('inputTokens')) fail('more than accepted')
  if (acceptance.int('inputTokens') > order.int('maxInputTokens'))
    fail('accepted more than ordered')
  let paid = 0n
  for (const { fields } of receipts) {
    if (fields.int('amount') - paid > order.int('creditWindow')) fail('more than a window')
    paid = fields.int('amount')
  }
  if (authorization !== undefined && paid > authorization.int('limit')) fail('more than authorized')
}

/** What an order that answers a quote may change of the one before. */
const NEGOTIABLE = new Set(
  'inputPrice outputPrice authorization creditWindow deadlineMs issuedAt notAfter nonce quote'.split(
    ' ',
  ),
)

/** @returns the model that is ordered */
function checkPrices(parts: Parts, offer: Fields, order: Opened): Fields {
  const name = order.fields.text('model')
  const model = offer
    .maps('models')
    .find((one) => one.text('id') === name || one.texts('aliases').includes(name))
  if (model === undefined) fail('not on offer')
  const openAll = (type: string, kind: string) =>
    parts.all(kind).map((one) => parts.open(type, one, namedSigners(type)))
  const quotes = openAll('hanse.quote.v1', 'quote')
  const orders = [...openAll('hanse.order.v1', 'quoted-order'), order]
  if (orders.length !== quotes.length + 1 || quotes.length > QUOTES_MAX)
    fail('quotes and orders do not match')
  if (orders[0]?.fields.get('quote') !== null) fail('a quote is missing')
  for (const [i, quote] of quotes.entries()) checkRound(orders[i], quote, orders[i + 1], i)
  const asked = quotes.at(-1)?.fields ?? model
  const isPaid = (['inputPrice', 'outputPrice'] as const).every(
    (key) => order.fields.int(key) >= asked.int(key),
  )
  if (!isPaid) fail('below the prices that were asked')
  return model
}

function checkRound(
  before: Opened | undefined,
  quote: Opened,
  after: Opened | undefined,
  i: number,
): void {
  if (before === undefined || after === undefined) fail('no order')
  if (!before.name.equals(quote.fields.get('order'))) fail('a quote of another order')
  if (quote.fields.int('round') !== BigInt(i + 1)) fail('another round')
  same(quote.fields, after.fields, 'consumer', 'provider')
  if (!quote.name.equals(after.fields.get('quote'))) fail('another quote')
  if (isEqual(before.fields.bytes('nonce'), after.fields.bytes('nonce'))) fail('the same nonce')
  for (const key of before.fields.all.keys()) {
    const isKept = isEqual(write(before.fields.get(key)), write(after.fields.get(key)))
    if (!NEGOTIABLE.has(key) && !isKept) fail(`${key} was changed`)
  }
}
