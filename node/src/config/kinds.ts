import { resolve } from 'node:path'
import {
  EVIDENCE_KINDS,
  type EvidenceKind,
  isCountryCode,
  isPeerId,
  type PicoEuro,
  parseEuro,
  parsePrice,
  parseVerifierKey,
} from '@hanse/protocol'
import { multiaddr } from '@multiformats/multiaddr'
import { blockList } from '../network/address-kinds.ts'
import type { Setting } from './settings.ts'

type Described<Value> = Omit<Setting<Value>, 'parse' | 'fallback'> & { readonly fallback: Value }
type Optional<Value> = Omit<Setting<Value | undefined>, 'parse' | 'fallback'>

const make = <Value>(
  described: Described<Value>,
  parse: (text: string) => Value,
): Setting<Value> => ({
  ...described,
  parse,
})

export const text = (described: Described<string>): Setting<string> =>
  make(described, (value) => value)

export const optionalText = (described: Optional<string>): Setting<string | undefined> =>
  make<string | undefined>({ ...described, fallback: undefined }, (value) => value)

export const folder = (described: Described<string>): Setting<string> =>
  make({ placeholder: '<folder>', ...described }, (value) => resolve(value))

export const list = (described: Described<readonly string[]>): Setting<readonly string[]> =>
  make(described, splitList)

export const addresses = (described: Described<readonly string[]>): Setting<readonly string[]> =>
  make({ placeholder: '<multiaddr,…>', ...described }, (value) => {
    const items = splitList(value)
    for (const item of items) {
      try {
        multiaddr(item)
      } catch {
        throw new Error(`${item} is not a multiaddr such as /ip4/127.0.0.1/tcp/4001`)
      }
    }
    return items
  })

export const peerIds = (described: Described<readonly string[]>): Setting<readonly string[]> =>
  make({ placeholder: '<peer id,…>', ...described }, (value) => {
    const items = splitList(value)
    const wrong = items.find((item) => !isPeerId(item))
    if (wrong !== undefined) throw new Error(`${wrong} is not a peer id (12D3Koo…)`)
    return items
  })

/** Of location. */
export const evidence = (
  described: Described<readonly EvidenceKind[]>,
): Setting<readonly EvidenceKind[]> =>
  make({ placeholder: '<kind,…>', ...described }, (value) => {
    const items = splitList(value)
    const isKind = (item: string): item is EvidenceKind =>
      EVIDENCE_KINDS.some((kind) => kind === item)
    const wrong = items.find((item) => !isKind(item))
    if (wrong !== undefined)
      throw new Error(`${wrong} is no kind of evidence: use ${EVIDENCE_KINDS.join(', ')}`)
    return items.filter(isKind)
  })

/** Relays that may carry connections. */
export const relays = (
  described: Described<'any' | readonly string[]>,
): Setting<'any' | readonly string[]> =>
  make({ placeholder: '<peer id,…>', ...described }, (value) => {
    if (value === 'any') return 'any'
    if (value === 'none') return []
    const items = splitList(value)
    const wrong = items.find((item) => !isPeerId(item))
    if (wrong === undefined && items.length > 0) return items
    throw new Error(`${wrong ?? 'nothing'} is not a peer id (12D3Koo…): or say any, or none`)
  })

/** IP addresses and CIDR blocks. */
export const ipBlocks = (described: Described<readonly string[]>): Setting<readonly string[]> =>
  make({ placeholder: '<ip,…>', ...described }, (value) => {
    const items = splitList(value)
    blockList(items)
    return items
  })

export const optionalUrl = (described: Optional<string>): Setting<string | undefined> =>
  make<string | undefined>({ placeholder: '<url>', ...described, fallback: undefined }, parseUrl)

export const url = (described: Described<string>): Setting<string> =>
  make({ placeholder: '<url>', ...described }, parseUrl)

export const urls = (described: Described<readonly string[]>): Setting<readonly string[]> =>
  make({ placeholder: '<url,…>', ...described }, (value) =>
    splitList(value).map((item) => {
      try {
        return parseUrl(item)
      } catch {
        throw new Error(`${item} is not an http(s) URL`)
      }
    }),
  )

export const integer = (
  described: Described<number> & { min: number; max: number },
): Setting<number> =>
  make({ placeholder: '<n>', ...described }, (value) => {
    const { min, max } = described
    const number = Number(value)
    if (!Number.isSafeInteger(number) || number < min || number > max) {
      throw new Error(`must be a whole number from ${min} to ${max}`)
    }
    return number
  })

export const optionalInteger = (
  described: Optional<number> & { min: number; max: number },
): Setting<number | undefined> => ({
  ...integer({ ...described, fallback: described.min }),
  fallback: undefined,
})

export const country = (described: Optional<string>): Setting<string | undefined> =>
  make<string | undefined>(
    { placeholder: '<code>', ...described, fallback: undefined },
    (value) => {
      if (!isCountryCode(value)) throw new Error('must be an ISO 3166-1 alpha-2 code such as DE')
      return value
    },
  )

/** Countries, EU, EEA; `anywhere` is an empty list. */
export const regions = (described: Described<readonly string[]>): Setting<readonly string[]> =>
  make({ placeholder: '<region,…>', ...described }, (value) => {
    if (value === 'anywhere') return []
    const items = splitList(value)
    const wrong = items.find((item) => item !== 'EU' && item !== 'EEA' && !isCountryCode(item))
    if (wrong !== undefined || items.length === 0) {
      throw new Error(
        `${wrong ?? 'nothing'} is not a region: use EU, EEA, country codes or anywhere`,
      )
    }
    return items
  })

export interface Position {
  readonly name: string
  readonly latitude: number
  readonly longitude: number
}

/** A name, and degrees north and east: `Frankfurt,50.11,8.68`. */
export const position = (described: Optional<Position>): Setting<Position | undefined> =>
  make<Position | undefined>(
    { placeholder: '<name,latitude,longitude>', ...described, fallback: undefined },
    (value) => {
      const [name = '', north = '', east = '', ...rest] = value
        .split(',')
        .map((part) => part.trim())
      const [latitude, longitude] = [degrees(north, 90), degrees(east, 180)]
      if (name === '' || rest.length > 0 || latitude === undefined || longitude === undefined)
        throw new Error('must be a name, degrees north and degrees east: Frankfurt,50.11,8.68')
      return { name, latitude, longitude }
    },
  )

/** `undefined` for what is no number of degrees. */
function degrees(text: string, max: number): number | undefined {
  const value = Number(text)
  return /^-?\d{1,3}(?:\.\d{1,8})?$/u.test(text) && Math.abs(value) <= max ? value : undefined
}

/** Euro per million tokens. */
export const price = (described: Described<PicoEuro>): Setting<PicoEuro> =>
  make(
    { placeholder: '<EUR/Mtok>', shown: decimalOf(described.fallback, 6), ...described },
    parsePrice,
  )

export const optionalPrice = (described: Optional<PicoEuro>): Setting<PicoEuro | undefined> =>
  make<PicoEuro | undefined>(
    { placeholder: '<EUR/Mtok>', ...described, fallback: undefined },
    parsePrice,
  )

/** Euro, with up to twelve decimals. */
export const euro = (described: Described<PicoEuro>): Setting<PicoEuro> =>
  make(
    { placeholder: '<EUR>', shown: decimalOf(described.fallback, 12), ...described },
    amountOfEuro,
  )

export const optionalEuro = (described: Optional<PicoEuro>): Setting<PicoEuro | undefined> =>
  make({ placeholder: '<EUR>', ...described, fallback: undefined }, amountOfEuro)

function amountOfEuro(value: string): PicoEuro {
  try {
    return parseEuro(value)
  } catch {
    throw new Error('must be an amount of euro such as 0.50')
  }
}

/** On or off; as a flag alone it is on. */
export const toggle = (described: Described<boolean>): Setting<boolean> =>
  make({ placeholder: '[true|false]', ...described }, (value) => {
    if (value === 'true' || value === 'on') return true
    if (value === 'false' || value === 'off') return false
    throw new Error('must be true or false')
  })

/** Each checkpoint is tried with the keys of its log; more than public witnesses list. */
const LOGS_MAX = 1024

/** Verifier keys of logs, as they are published. */
export const logKeys = (described: Described<readonly string[]>): Setting<readonly string[]> =>
  make({ placeholder: '<vkey,…>', ...described }, (value) => {
    const items = splitList(value)
    if (items.length > LOGS_MAX) throw new Error(`must be at most ${LOGS_MAX} keys`)
    for (const item of items) {
      try {
        if (parseVerifierKey(item).kind === 'ed25519') continue
      } catch {
        // Said below.
      }
      throw new Error(`${item} is not the verifier key of a log (name+hash+key)`)
    }
    return items
  })

export const oneOf = <Value extends string>(
  allowed: readonly Value[],
  described: Described<Value>,
): Setting<Value> =>
  make({ placeholder: `<${allowed.join('|')}>`, ...described }, (value) => {
    const found = allowed.find((item) => item === value)
    if (found === undefined) throw new Error(`must be one of ${allowed.join(', ')}`)
    return found
  })

export const optionalOneOf = <Value extends string>(
  allowed: readonly Value[],
  described: Optional<Value>,
): Setting<Value | undefined> => {
  const { placeholder = '', parse } = oneOf(allowed, {
    ...described,
    fallback: allowed[0] as Value,
  })
  return { placeholder, ...described, fallback: undefined, parse }
}

function decimalOf(value: bigint, places: number): string {
  const digits = value.toString().padStart(places + 1, '0')
  return `${digits.slice(0, -places)}.${digits.slice(-places)}`.replace(/\.?0+$/u, '')
}

function splitList(value: string): string[] {
  return value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

function parseUrl(value: string): string {
  if (!URL.canParse(value) || !/^https?:/u.test(value)) throw new Error('must be an http(s) URL')
  return value.replace(/\/+$/u, '')
}

/** Whether every address is on this machine or a private network, so that private addresses may be announced. */
export function isLan(listen: readonly string[]): boolean {
  return listen.every((address) =>
    /^\/(?:ip4\/(?:127|10|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.|ip6\/::1\/)/u.test(address),
  )
}
