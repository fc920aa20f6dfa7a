import { isCountryCode } from '@hanse/protocol'
import { z } from 'zod'
import type { ProviderProfile } from '../documents/provider-profile.ts'

/** The version of the sentence by which a trader certifies that it offers only what complies with Union law. */
export const CERTIFICATION = '2026-11'

const TEXT_MAX = 120
const TINS_MAX = 5
const text = z.string().trim().min(1).max(TEXT_MAX)

/**
 * What a provider says of itself beside its tax profile: what Art. 30 (1) of Regulation (EU) 2022/2065 (DSA) asks of
 * traders, and Annex V of Directive 2011/16/EU (DAC7) of sellers.
 */
export const traderDeclarationSchema = z.strictObject({
  /** E.164, such as +49301234567. */
  telephone: z.string().regex(/^\+[1-9]\d{5,14}$/u, { error: 'not a telephone number as +49…' }),
  email: z.email().max(254),
  /** Of a trade register: its name, and the number in it. */
  register: z.strictObject({ name: text, number: text }).optional(),
  /** The version of the certification that the provider gives. */
  certification: z.literal(CERTIFICATION),
  /** Tax identification numbers, each with the country that gave it. */
  tins: z
    .array(
      z.strictObject({
        country: z.string().refine(isCountryCode, { error: 'not an ISO 3166-1 alpha-2 code' }),
        tin: z.string().trim().min(1).max(40),
      }),
    )
    .max(TINS_MAX)
    .default([]),
  /** Of a natural person. */
  person: z
    .strictObject({
      firstName: text,
      lastName: text,
      birthDate: z.iso.date(),
      /** Where there is no tax identification number. */
      birthPlace: text.optional(),
    })
    .optional(),
})
export type TraderDeclaration = z.output<typeof traderDeclarationSchema>

/** What is still to be said, and which law asks for it. */
export const MISSING = {
  'name-and-address': 'dsa',
  declaration: 'dsa',
  'payment-account': 'dsa',
  'refused-by-operator': 'dsa',
  'tax-identification-number': 'dac7',
  'natural-person': 'dac7',
} as const
export type Missing = keyof typeof MISSING

export interface TraderFacts {
  readonly profile: ProviderProfile | undefined
  readonly declaration: TraderDeclaration | undefined
  /** Whether Stripe has verified whose the account is. */
  readonly payable: boolean
  readonly review: 'verified' | 'refused' | null
}

/**
 * What a provider has not said yet. A private person is no trader: of them only what DAC7 asks for is missing, and who they
 * are.
 */
export function missingOf(facts: TraderFacts): Missing[] {
  const { profile, declaration, payable, review } = facts
  const isPrivate = profile?.kind === 'private'
  const hasTin = (declaration?.tins.length ?? 0) > 0 || profile?.taxNumber !== undefined
  const checks: readonly (readonly [Missing, boolean])[] = [
    ['name-and-address', profile === undefined],
    ['declaration', !isPrivate && declaration === undefined],
    ['payment-account', !payable],
    ['refused-by-operator', review === 'refused'],
    ['tax-identification-number', !hasTin && !(isPrivate && hasBirthPlace(declaration))],
    ['natural-person', isPrivate && declaration?.person === undefined],
  ]
  return checks.filter(([, isMissing]) => isMissing).map(([name]) => name)
}

/** Annex V, Section II, B (1) (d) DAC: the place of birth stands in for a number that a country does not give. */
const hasBirthPlace = (declaration: TraderDeclaration | undefined): boolean =>
  declaration?.person?.birthPlace !== undefined

/** Annex V, Section IV, A (2) DAC: nobody's money is withheld sooner for want of data that DAC7 asks for. */
const DAC7_DAYS = 60
const DAY_MS = 86_400_000

/**
 * When payouts stop for want of what is missing, milliseconds since 1970; null when nothing is. Without a verified payment
 * account nothing is paid anyway.
 */
export function suspendedFrom(
  missing: readonly Missing[],
  askedAt: number,
  graceMs: number,
): number | null {
  const counted = missing.filter((one) => one !== 'payment-account')
  if (counted.length === 0) return null
  const isDsa = counted.some((one) => MISSING[one] === 'dsa')
  return askedAt + (isDsa ? graceMs : Math.max(graceMs, DAC7_DAYS * DAY_MS))
}

export const TRADER_STATES = ['missing', 'incomplete', 'declared', 'verified', 'refused'] as const
export type TraderState = (typeof TRADER_STATES)[number]

export function traderState(facts: TraderFacts): TraderState {
  if (facts.review === 'refused') return 'refused'
  if (facts.profile === undefined && facts.declaration === undefined) return 'missing'
  if (missingOf(facts).length > 0) return 'incomplete'
  return facts.review === 'verified' ? 'verified' : 'declared'
}
