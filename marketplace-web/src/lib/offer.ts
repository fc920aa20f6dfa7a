import { type PicoEuro, parsePicoEuro } from './money.ts'

/** One model of one provider, as the gateway lists it. */
export type Offer = {
  readonly provider: string
  readonly model: string
  readonly country: string
  readonly evidenceLevel: number
  readonly inputPrice: PicoEuro
  readonly outputPrice: PicoEuro
  readonly contextLength: number
  readonly slots: number
  readonly freeSlots: number
  readonly tokensPerSecond: number | null
  readonly quantization: string | null
  readonly addresses: readonly string[]
  readonly notAfter: number
  readonly seenAt: number
}

export type Exclusion = { readonly code: string; readonly message: string; readonly change: string }
/** An offer with the reasons that keep it out; none means that it may be used. */
export type Listing = Offer & { readonly reasons: readonly Exclusion[] }

export type Market = {
  readonly network: string
  readonly at: number
  readonly policy: { readonly allow: readonly string[]; readonly minLevel: number }
  readonly candidates: readonly Listing[]
  readonly excluded: readonly Listing[]
  /** Rows that were not offers, or too many: left out, and said so on the page. */
  readonly unreadable: number
}

/** Above it a browser's table turns slow; the gateway is asked for no more than it can show. */
const rowsMax = 2_000
/** Ids in this network are far shorter; a longer string comes from a faulty or hostile peer. */
const textMax = 512
const addressesMax = 32
const reasonsMax = 16

/** Reads a gateway's answer. An answer that is no market at all gives undefined. */
export function parseMarket(answer: unknown): Market | undefined {
  if (!isObject(answer)) return undefined
  const { network, at, policy, candidates, excluded } = answer
  if (!isText(network) || !isTime(at) || !Array.isArray(candidates) || !Array.isArray(excluded)) {
    return undefined
  }
  if (!isObject(policy) || !isTextList(policy.allow, addressesMax) || !isCount(policy.minLevel)) {
    return undefined
  }
  const usable = candidates.slice(0, rowsMax).map((row) => parseListing(row, false))
  const refused = excluded.slice(0, rowsMax).map((row) => parseListing(row, true))
  const read = { candidates: usable.filter(isPresent), excluded: refused.filter(isPresent) }
  return {
    network,
    at,
    policy: { allow: policy.allow, minLevel: policy.minLevel },
    ...read,
    unreadable: candidates.length + excluded.length - read.candidates.length - read.excluded.length,
  }
}

function parseListing(row: unknown, mustHaveReasons: boolean): Listing | undefined {
  if (!isObject(row)) return undefined
  const { provider, model, country, evidenceLevel, contextLength, slots, freeSlots } = row
  const { tokensPerSecond, quantization, addresses, notAfter, seenAt } = row
  const inputPrice = parsePicoEuro(row.inputPrice)
  const outputPrice = parsePicoEuro(row.outputPrice)
  const reasons = mustHaveReasons ? parseReasons(row.reasons) : []
  if (inputPrice === undefined || outputPrice === undefined || reasons === undefined)
    return undefined
  if (!isText(provider) || !isText(model) || !isText(country) || !/^[A-Z]{2}$/.test(country)) {
    return undefined
  }
  if (!isCount(evidenceLevel) || !isCount(contextLength)) return undefined
  if (!isCount(slots) || !isCount(freeSlots) || freeSlots > slots) return undefined
  if (tokensPerSecond !== null && !isRate(tokensPerSecond)) return undefined
  if (quantization !== null && !isText(quantization)) return undefined
  if (!isTextList(addresses, addressesMax) || !isTime(notAfter) || !isTime(seenAt)) return undefined
  return {
    provider,
    model,
    country,
    evidenceLevel,
    inputPrice,
    outputPrice,
    contextLength,
    slots,
    freeSlots,
    tokensPerSecond,
    quantization,
    addresses,
    notAfter,
    seenAt,
    reasons,
  }
}

/** An excluded row without a reason would be a silent no, which the market never gives. */
function parseReasons(value: unknown): readonly Exclusion[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > reasonsMax) return undefined
  const reasons = value.map((reason: unknown) => {
    if (!isObject(reason)) return undefined
    const { code, message, change } = reason
    return isText(code) && isText(message) && isText(change) ? { code, message, change } : undefined
  })
  return reasons.every(isPresent) ? reasons : undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= textMax
}

function isTextList(value: unknown, max: number): value is string[] {
  return Array.isArray(value) && value.length <= max && value.every(isText)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isRate(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

/** The range of Date: a time outside it cannot be printed. */
function isTime(value: unknown): value is number {
  return isCount(value) && value <= 8.64e15
}

function isPresent<Value>(value: Value | undefined): value is Value {
  return value !== undefined
}
