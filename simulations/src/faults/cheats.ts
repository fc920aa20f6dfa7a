/** What a cheating provider does. */
export const PROVIDER_CHEATS = [
  'overcount-output',
  'overcount-input',
  'wrong-amount',
  'wrong-transcript',
  'skip-sequence',
  'wrong-previous',
  'falling-totals',
  'idle-receipts',
  'overrun-window',
  'equivocate',
  'false-acceptance',
  'inflated-deltas',
  'ignore-policy',
  'vanish',
  'replay-frames',
  'forge-signature',
  'false-statement',
] as const
export type ProviderCheat = (typeof PROVIDER_CHEATS)[number]

/** What a cheating consumer does. */
export const CONSUMER_CHEATS = [
  'withhold',
  'withhold-later',
  'refuse-right',
  'bad-countersignature',
  'early-countersignature',
  'replay-order',
  'double-spend',
  'forged-authorization',
  'foreign-authorization',
  'foreign-issuer',
  'wide-window',
  'low-price',
  'wrong-prompt',
  'lax-policy',
  'stale-order',
  'other-provider',
  'refuse-statements',
  'spoil-statements',
] as const
export type ConsumerCheat = (typeof CONSUMER_CHEATS)[number]

/** What a pair that holds both keys, or a thief who has seen others' records, sends to settlement. */
export const COLLUSIONS = [
  'beyond-hold',
  'equivocate',
  'fall',
  'wrong-amount',
  'too-many-tokens',
  'foreign-authorization',
  'no-authorization',
  'replay',
  'older-receipt',
  'bit-flip',
  'other-order',
  'one-signature',
  'after-release',
  'uncountersigned',
  'statement-twice',
  'statement-of-others',
  'statement-and-receipt',
] as const
export type Collusion = (typeof COLLUSIONS)[number]

export type Cheat = ProviderCheat | ConsumerCheat | Collusion

export const ALL_CHEATS: readonly Cheat[] = [...PROVIDER_CHEATS, ...CONSUMER_CHEATS, ...COLLUSIONS]

export function isCheat(name: string): name is Cheat {
  return ALL_CHEATS.some((cheat) => cheat === name)
}
